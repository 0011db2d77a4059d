// SPDX-License-Identifier: Apache-2.0
// The blocking client with a spool: what outlives it, and what its file's failures do.
#include "client/limits.hpp"
#include "client/spool.hpp"
#include "support/temporary_directory.hpp"
#include "unit/client/client_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <csignal>
#include <fstream>

namespace hpfeeds {
namespace {

using client::testing::DeadPort;
using client::testing::Diary;
using client::testing::error;
using client::testing::greet;
using client::testing::hear_out;
using client::testing::options_for;
using client::testing::Peer;
using client::testing::publish;
using client::testing::Script;
using client::testing::ScriptedBroker;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class SpoolingClient : public ::testing::Test {
protected:
    [[nodiscard]] ClientOptions options(std::uint16_t port) const {
        ClientOptions made = options_for(port);
        made.spool.path = folder_.file("spool.db");
        return made;
    }
    // What a client that is gone left behind.
    [[nodiscard]] std::size_t left_behind() const {
        return client::Spool(folder_.file("spool.db"), {}).events();
    }
    support::TemporaryDirectory folder_;
};

TEST_F(SpoolingClient, LeavesWhatItCouldNotSendToTheNextOne) {
    {
        const DeadPort dead;
        Client client(options(dead.port()));
        for (const char* payload : {"one", "two", "three"})
            client.publish("chan", payload);
        EXPECT_EQ(client.stats().spooled_messages, 3U);
        client.close();
    }
    EXPECT_EQ(left_behind(), 3U);
    Diary diary;
    ScriptedBroker broker({hear_out(diary)});
    {
        Client client(options(broker.port()));
        client.publish("chan", "four");
        client.flush(20s);
        client.close();
    }
    EXPECT_THAT(diary.wait_for(4),
                ElementsAre(publish("me", "chan", "one"), publish("me", "chan", "two"),
                            publish("me", "chan", "three"), publish("me", "chan", "four")));
    EXPECT_EQ(left_behind(), 0U) << "the broker confirmed by closing";
}

TEST_F(SpoolingClient, KeepsWhatAFailedLoginSwallowed) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        EXPECT_EQ(peer.read_frame(), publish("me", "chan", "one"));
        peer.send(error("Authentication failed for me"));
    }});
    {
        auto patient = options(broker.port());
        patient.backoff = {1h, 1h};
        Client client(patient);
        client.publish("chan", "one");
        MessageView message;
        std::error_code failed;
        EXPECT_FALSE(client.read(message, 20s, failed));
        EXPECT_EQ(failed, Errc::authentication_failed);
    }
    EXPECT_EQ(left_behind(), 1U);
}

TEST_F(SpoolingClient, DoesNotSendARefusedMessageForEver) {
    Diary diary;
    ScriptedBroker broker({[](const Peer& peer) {
                               greet(peer);
                               for (int i = 0; i < 3; ++i)
                                   static_cast<void>(peer.read_frame());
                               peer.send(
                                   error("Authkey not allowed to pub here. ident=me, chan=bad"));
                           },
                           hear_out(diary)});
    {
        Client client(options(broker.port()));
        client.publish("good", "one");
        client.publish("bad", "two");
        client.publish("good", "three");
        EXPECT_THAT(diary.wait_for(1), ElementsAre(publish("me", "good", "three")));
        client.close();
    }
    EXPECT_EQ(left_behind(), 0U);
}

TEST_F(SpoolingClient, ForgetsOnlyWhatHasArrived) {
    // A broker that stops reading: what fits into the buffers of the system arrives, and no more.
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.hang();
    }});
    const std::string payload(1'000'000, 'x');
    {
        auto hasty = options(broker.port());
        hasty.timeout = 50ms;
        Client client(hasty);
        for (int i = 0; i < 20; ++i)
            client.publish("chan", payload);
        std::error_code ignored;
        client.flush(50ms, ignored);
        EXPECT_EQ(ignored, Errc::timed_out);
    }
    EXPECT_EQ(left_behind(), 20U) << "the login was never sure";
}

TEST_F(SpoolingClient, SendsMoreThanItsWindowHolds) {
    // The first message proves the login, so that nothing waits for the end of the doubt.
    constexpr std::size_t count = 60;
    Diary diary;
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        peer.send(publish("you", "chan", "welcome"));
        for (std::string frame = peer.read_frame(); !frame.empty(); frame = peer.read_frame())
            diary.write(std::to_string(frame.size()));
    }});
    {
        Client client(options(broker.port()));
        for (std::size_t i = 0; i < count; ++i)
            client.publish("chan", std::string(200'000 + i, 'x'));
        client.flush(20s);
        client.close();
    }
    const auto sizes = diary.wait_for(count);
    ASSERT_EQ(sizes.size(), count);
    for (std::size_t i = 0; i < count; ++i)
        EXPECT_EQ(sizes[i], std::to_string(wire::publish_frame_bytes(2, 4, 200'000 + i)));
    EXPECT_EQ(left_behind(), 0U);
}

TEST_F(SpoolingClient, RefusesASpoolThatAnotherHas) {
    const DeadPort dead;
    const Client client(options(dead.port()));
    try {
        const Client second(options(dead.port()));
        FAIL() << "two clients share a spool";
    } catch (const Error& failed) {
        EXPECT_EQ(failed.code(), Errc::spool_locked);
        EXPECT_EQ(failed.code(), Trouble::storage);
    }
}

TEST_F(SpoolingClient, RefusesADamagedSpool) {
    std::ofstream(folder_.file("spool.db")) << std::string(10'000, 'x');
    try {
        const Client client(options(1));
        FAIL() << "a damaged spool was opened";
    } catch (const Error& failed) {
        EXPECT_EQ(failed.code(), Errc::spool_unusable);
        EXPECT_THAT(failed.what(), HasSubstr(folder_.file("spool.db")));
    }
}

TEST_F(SpoolingClient, PublishesThroughAFullDisk) {
    Diary diary;
    ScriptedBroker broker({hear_out(diary)});
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    std::size_t count = 0;
    {
        Client client(options(broker.port()));
        client.connect(20s);
        const rlimit tight{150'000, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &tight);
        for (; client.stats().spool_failures < 3 && count < 1000; ++count)
            client.publish("chan", std::string(10'000, 'x'));
        MessageView message;
        std::error_code failed;
        EXPECT_FALSE(client.read(message, 20s, failed));
        EXPECT_EQ(failed, Trouble::storage);
        EXPECT_THAT(client.last_error(), HasSubstr("messages wait in memory"));
        EXPECT_EQ(client.stats().spool_failures, 3U);
        EXPECT_EQ(client.stats().published, count);
        setrlimit(RLIMIT_FSIZE, &before);
        client.close();
    }
    EXPECT_EQ(diary.wait_for(count).size(), count);
}

}  // namespace
}  // namespace hpfeeds
