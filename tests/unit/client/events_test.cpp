// SPDX-License-Identifier: Apache-2.0
// Client::read_event(): all that happens to a session, in order.
#include "hpfeeds/client.hpp"

#include "client/inbox.hpp"
#include "client/limits.hpp"
#include "unit/client/client_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds {
namespace {

using client::testing::DeadPort;
using client::testing::error;
using client::testing::greet;
using client::testing::options_for;
using client::testing::Peer;
using client::testing::publish;
using client::testing::ScriptedBroker;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;
using Kind = ClientEvent::Kind;
using Stage = ClientEvent::Stage;

ClientEvent next(Client& client) {
    ClientEvent event;
    std::error_code failed;
    EXPECT_TRUE(client.read_event(event, 30s, failed)) << failed.message();
    return event;
}

TEST(ClientEvents, TellsConnectionsAndMessagesInTheirOrder) {
    const auto serve = [](const char* payload) {
        return [payload](const Peer& peer) {
            static_cast<void>(greet(peer));
            peer.send(publish("you", "chan", payload));
        };
    };
    ScriptedBroker broker(
        {serve("one"), serve("two"), [](const Peer& peer) { peer.stay_silent(); }});
    Client client(options_for(broker.port()));
    for (const char* payload : {"one", "two"}) {
        const ClientEvent connected = next(client);
        ASSERT_EQ(connected.kind, Kind::connected);
        EXPECT_EQ(connected.broker_name, "scripted");
        const ClientEvent message = next(client);
        ASSERT_EQ(message.kind, Kind::message);
        EXPECT_EQ(message.message.text(), payload);
        const ClientEvent lost = next(client);
        ASSERT_EQ(lost.kind, Kind::disconnected);
        EXPECT_EQ(lost.stage, Stage::exchanging);
        EXPECT_EQ(lost.error, Trouble::network);
        EXPECT_THAT(std::string(lost.text), StartsWith("lost 127.0.0.1:"));
        EXPECT_EQ(lost.broker_said, "");
        ASSERT_TRUE(lost.pause);
        EXPECT_LE(*lost.pause, 5ms);
    }
}

TEST(ClientEvents, TellsTheErrorsTextByteForByte) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        peer.send(error("no\r\nroom"));
    }});
    Client client(options_for(broker.port()));
    ASSERT_EQ(next(client).kind, Kind::connected);
    const ClientEvent refused = next(client);
    ASSERT_EQ(refused.kind, Kind::disconnected);
    EXPECT_EQ(refused.error, Errc::refused);
    EXPECT_EQ(refused.text, "the broker refused: no\\r\\nroom");
    EXPECT_EQ(refused.broker_said, "no\r\nroom");
}

TEST(ClientEvents, TellsHowFarAConnectionCame) {
    const DeadPort dead;
    Client nobody(options_for(dead.port()));
    const ClientEvent unreachable = next(nobody);
    ASSERT_EQ(unreachable.kind, Kind::disconnected);
    EXPECT_EQ(unreachable.stage, Stage::connecting);
    EXPECT_EQ(unreachable.error, std::errc::connection_refused);

    ScriptedBroker broker({[](const Peer&) {},
                           [](const Peer& peer) {
                               peer.send("SSH-2.0-OpenSSH_9.2\r\n");
                               peer.stay_silent();
                           },
                           [](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               peer.send("nonsense");
                               peer.stay_silent();
                           }});
    Client client(options_for(broker.port()));
    const ClientEvent mute = next(client);
    EXPECT_EQ(mute.stage, Stage::greeting);
    EXPECT_THAT(std::string(mute.text), HasSubstr("did not introduce itself"));
    const ClientEvent stranger = next(client);
    EXPECT_EQ(stranger.stage, Stage::greeting);
    EXPECT_EQ(stranger.error, Errc::not_hpfeeds);
    EXPECT_THAT(std::string(stranger.text), HasSubstr("does not speak hpfeeds"));
    EXPECT_EQ(next(client).kind, Kind::connected);
    const ClientEvent astray = next(client);
    EXPECT_EQ(astray.stage, Stage::exchanging);
    EXPECT_EQ(astray.error, Errc::not_hpfeeds);
    EXPECT_THAT(std::string(astray.text), StartsWith("lost 127.0.0.1:"));
}

TEST(ClientEvents, SaysThatThereWillBeNoOtherAttempt) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_frame());
    }});
    auto options = options_for(broker.port());
    options.reconnect = false;
    Client client(options);
    client.subscribe("chan");
    ASSERT_EQ(next(client).kind, Kind::connected);
    const ClientEvent lost = next(client);
    EXPECT_EQ(lost.kind, Kind::disconnected);
    EXPECT_FALSE(lost.pause);
    ClientEvent event;
    std::error_code ended;
    EXPECT_FALSE(client.read_event(event, 30s, ended));
    EXPECT_EQ(ended, Errc::closed_by_broker);
}

TEST(ClientEvents, EndsWithWhatCameBeforeTheClose) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        peer.stay_silent();
    }});
    Client client(options_for(broker.port()));
    client.connect(30s);
    client.close();
    EXPECT_EQ(next(client).kind, Kind::connected);
    ClientEvent event;
    std::error_code ended;
    EXPECT_FALSE(client.read_event(event, 30s, ended));
    EXPECT_EQ(ended, Errc::closed);
}

TEST(ClientEvents, AreNeitherMessagesNorErrorsToOthers) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        peer.send(publish("you", "chan", "one") + publish("you", "chan", "two"));
        peer.stay_silent();
    }});
    Client client(options_for(broker.port()));
    EXPECT_EQ(client.read(30s).value_or(Message{}).text(), "one");
    client.run([&](const MessageView&) { client.stop(); },
               [](const Error& trouble) { ADD_FAILURE() << trouble.what(); });
    ClientEvent event;
    std::error_code failed;
    EXPECT_FALSE(client.read_event(event, 0ms, failed));
    EXPECT_EQ(failed, Errc::interrupted);
}

TEST(ClientEvents, ReadGivesUpInTime) {
    const DeadPort dead;
    auto options = options_for(dead.port());
    options.backoff = {std::chrono::hours(1), std::chrono::hours(1)};
    Client client(options);
    EXPECT_EQ(next(client).kind, Kind::disconnected);
    ClientEvent event;
    std::error_code failed;
    EXPECT_FALSE(client.read_event(event, 1ms, failed));
    EXPECT_EQ(failed, Errc::timed_out);
}

// Greetings must not take the place of the latest trouble.
TEST(ClientEvents, AGreetingIsForgottenBeforeATrouble) {
    const client::WakeEvent room;
    client::Inbox inbox(room);
    for (std::size_t i = 0; i < client::troubles_max; ++i)
        client::Inbox::Filling(inbox).add(
            client::Incident{Errc::timed_out, "trouble " + std::to_string(i)});
    client::Inbox::Filling(inbox).add(client::greeting_of("broker"));
    client::Timeout at_once(0ms);
    MessageView message;
    std::string last;
    while (inbox.next(at_once, message) == client::Inbox::Kind::incident)
        last = inbox.incident().text;
    EXPECT_EQ(last, "trouble " + std::to_string(client::troubles_max - 1));
}

}  // namespace
}  // namespace hpfeeds
