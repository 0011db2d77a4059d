// SPDX-License-Identifier: Apache-2.0
#include "subscribe.hpp"

#include "hpfeeds/error.hpp"
#include "unit/apps/console_fixture.hpp"
#include "unit/apps/scripts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <csignal>
#include <vector>

namespace hpfeeds::cli {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

BackoffOptions hasty() {
    return {std::chrono::milliseconds(2), std::chrono::milliseconds(4)};
}

SubscribeOptions counted(std::uint64_t count) {
    SubscribeOptions how;
    how.count = count;
    return how;
}

TEST(Subscribe, ShowsMessagesUntilTheirCount) {
    std::vector<std::string> heard;
    ScriptedBroker broker({[&](const Peer& peer) {
        heard.push_back(greet(peer).substr(6, 2));
        heard.push_back(peer.read_frame());
        heard.push_back(peer.read_frame());
        peer.send(publish("x", "chan", "one") + publish("y", "other", "two") +
                  publish("z", "chan", "three"));
        peer.stay_silent();
    }});
    const CapturedConsole captured;
    ClientOptions options = options_for(broker.port());
    options.channels = {"chan", "other"};
    EXPECT_EQ(subscribe(options, counted(2), captured.console(), hasty()), exit_done);
    EXPECT_EQ(captured.out(),
              "[feedcli] connected to broker\n[feedcli] publish to chan by x: one\n"
              "[feedcli] publish to other by y: two\n[feedcli] closing connection.\n");
    EXPECT_EQ(captured.err(), "");
    EXPECT_THAT(heard, ElementsAre("me", subscribe("me", "chan"), subscribe("me", "other")));
}

TEST(Subscribe, ShowsWhatCameInTheSegmentOfInfo) {
    ScriptedBroker broker({[](const Peer& peer) {
        peer.send(info("broker", "1234") + publish("x", "chan", "early"));
        peer.stay_silent();
    }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), counted(1), captured.console(), hasty()),
              exit_done);
    EXPECT_THAT(captured.out(), HasSubstr("by x: early\n"));
}

TEST(Subscribe, ConnectsAndSubscribesAgain) {
    std::vector<std::string> subscriptions;
    // The first connection ends in the middle of a frame, whose bytes must not spoil the second.
    ScriptedBroker broker({[&](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               subscriptions.push_back(peer.read_frame());
                               peer.send(publish("x", "chan", "one") +
                                         publish("x", "chan", "torn").substr(0, 11));
                           },
                           [](const Peer&) {},
                           [&](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               subscriptions.push_back(peer.read_frame());
                               peer.send(publish("x", "chan", "two"));
                               peer.stay_silent();
                           }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), counted(2), captured.console(), hasty()),
              exit_done);
    EXPECT_THAT(subscriptions, ElementsAre(subscribe("me", "chan"), subscribe("me", "chan")));
    EXPECT_EQ(captured.out(),
              "[feedcli] connected to broker\n[feedcli] publish to chan by x: one\n"
              "[feedcli] connected to broker\n[feedcli] publish to chan by x: two\n"
              "[feedcli] closing connection.\n");
    EXPECT_THAT(captured.err(), HasSubstr("the broker closed the connection; trying again in"));
}

TEST(Subscribe, ConnectsAgainAfterNonsense) {
    ScriptedBroker broker({[](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               peer.send("nonsense");
                               peer.stay_silent();
                           },
                           [](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               peer.send(publish("x", "chan", "one"));
                               peer.stay_silent();
                           }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), counted(1), captured.console(), hasty()),
              exit_done);
    EXPECT_THAT(captured.err(), HasSubstr("the opcode is not one of hpfeeds; trying again"));
}

TEST(Subscribe, EndsWithAFailureWhenItMayNotReconnect) {
    ScriptedBroker broker({[](const Peer& peer) { static_cast<void>(greet(peer)); }});
    SubscribeOptions how;
    how.reconnect = false;
    const CapturedConsole lost;
    EXPECT_EQ(subscribe(options_for(broker.port()), how, lost.console(), hasty()), exit_failed);
    EXPECT_THAT(lost.err(), HasSubstr("hpfeeds: lost 127.0.0.1:"));
    const DeadPort dead;
    const CapturedConsole refused;
    EXPECT_EQ(subscribe(options_for(dead.port()), how, refused.console(), hasty()), exit_failed);
    EXPECT_THAT(refused.err(), HasSubstr("Connection refused\n"));
}

TEST(Subscribe, SaysExactlyWhatItLostAndHowLongItWaits) {
    ScriptedBroker broker({[](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               static_cast<void>(peer.read_frame());
                           },
                           [](const Peer& peer) {
                               static_cast<void>(greet(peer));
                               peer.send(publish("x", "chan", "one"));
                               peer.stay_silent();
                           }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), counted(1), captured.console(), hasty()),
              exit_done);
    EXPECT_EQ(captured.err(), "hpfeeds: lost 127.0.0.1:" + std::to_string(broker.port()) +
                                  ": the broker closed the connection; trying again in 0.0 s\n");
}

TEST(Subscribe, GuessesWhatASilentBrokerWaitsFor) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    ClientOptions options = options_for(broker.port());
    options.timeout = std::chrono::milliseconds(20);
    SubscribeOptions how;
    how.reconnect = false;
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options, how, captured.console(), hasty()), exit_failed);
    EXPECT_EQ(
        captured.err(),
        "hpfeeds: 127.0.0.1:" + std::to_string(broker.port()) +
            " said nothing for 1 s; if the broker expects TLS, add --tls or --tlscert FILE\n");
}

TEST(Subscribe, EndsWithAFailureWhenTheBrokerRefuses) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_frame());
        peer.send(publish("x", "chan", "before") + error("Authentication failed for me"));
    }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), {}, captured.console(), hasty()), exit_failed);
    EXPECT_EQ(captured.err(), "hpfeeds: the broker refused: Authentication failed for me\n");
    EXPECT_THAT(captured.out(), HasSubstr("by x: before\n"));
}

TEST(Subscribe, SurvivesAnErrorThatIsOneByteLonger) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_frame());
        std::string quirky = error("access denied");
        quirky[3] = static_cast<char>(quirky[3] - 1);
        peer.send(quirky);
    }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), {}, captured.console(), hasty()), exit_failed);
    EXPECT_THAT(captured.err(), HasSubstr("the broker refused: access denie"));
}

TEST(Subscribe, EndsAtOnceForABrokerThatIsNone) {
    ScriptedBroker broker({[](const Peer& peer) {
        peer.send("SSH-2.0-OpenSSH_9.2\r\n");
        peer.stay_silent();
    }});
    const CapturedConsole captured;
    EXPECT_EQ(subscribe(options_for(broker.port()), {}, captured.console(), hasty()), exit_failed);
    EXPECT_THAT(captured.err(), HasSubstr("does not speak hpfeeds"));
}

TEST(Subscribe, EndsWellWhenTheUserWantsToWhileListening) {
    const CapturedConsole captured;
    ScriptedBroker broker({[&](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_frame());
        captured.ask_to_stop();
        peer.stay_silent();
    }});
    EXPECT_EQ(subscribe(options_for(broker.port()), {}, captured.console(), hasty()), exit_done);
    EXPECT_EQ(captured.out(), "[feedcli] connected to broker\n[feedcli] closing connection.\n");
}

TEST(Subscribe, EndsWellWhenTheUserWantsToWhileWaitingToReconnect) {
    const CapturedConsole captured;
    captured.ask_to_stop();
    const DeadPort dead;
    const BackoffOptions patient{std::chrono::hours(1), std::chrono::hours(1)};
    EXPECT_EQ(subscribe(options_for(dead.port()), {}, captured.console(), patient), exit_done);
    EXPECT_EQ(captured.out(), "[feedcli] closing connection.\n");
}

TEST(Subscribe, EndsQuietlyWhenNobodyReadsItsOutput) {
    std::signal(SIGPIPE, SIG_IGN);  // as main() does
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        peer.stay_silent();
    }});
    const CapturedConsole captured;
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    close(ends[0]);
    Console console = captured.console();
    console.out = ends[1];
    EXPECT_EQ(subscribe(options_for(broker.port()), {}, console, hasty()), exit_done);
    EXPECT_EQ(captured.err(), "");
    close(ends[1]);
}

TEST(Subscribe, RefusesAChannelThatDoesNotFit) {
    const CapturedConsole captured;
    ClientOptions options = options_for(1);
    options.channels = {std::string(256, 'c')};
    EXPECT_THROW(static_cast<void>(subscribe(options, {}, captured.console(), hasty())), Error);
}

}  // namespace
}  // namespace hpfeeds::cli
