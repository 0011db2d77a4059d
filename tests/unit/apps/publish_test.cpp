// SPDX-License-Identifier: Apache-2.0
#include "publish.hpp"

#include "hpfeeds/error.hpp"
#include "unit/apps/console_fixture.hpp"
#include "unit/apps/scripts.hpp"
#include "unit/client/tls_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace hpfeeds::cli {
namespace {

using namespace testing;
using client::testing::CertificateFiles;
using client::testing::TlsPeer;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::string_literals;

constexpr const char* all_went_well =
    "[feedcli] connected to broker\n[feedcli] closing connection.\n";

TEST(Publish, SendsToEveryChannelAndWaitsForTheEnd) {
    std::string heard;
    auto broker = std::make_optional<ScriptedBroker>(std::vector<Script>{[&](const Peer& peer) {
        static_cast<void>(greet(peer));
        heard = peer.read_all();
    }});
    const CapturedConsole captured;
    ClientOptions options = options_for(broker->port());
    options.channels = {"one", "two"};
    EXPECT_EQ(publish(options, "pay\0load"s, captured.console()), exit_done) << captured.err();
    broker.reset();
    EXPECT_EQ(heard, publish("me", "one", "pay\0load"s) + publish("me", "two", "pay\0load"s));
    EXPECT_EQ(captured.out(), all_went_well);
    EXPECT_EQ(captured.err(), "");
}

TEST(Publish, SendsTheLargestMessage) {
    std::string heard;
    auto broker = std::make_optional<ScriptedBroker>(std::vector<Script>{[&](const Peer& peer) {
        static_cast<void>(greet(peer));
        heard = peer.read_all();
    }});
    const CapturedConsole captured;
    const ClientOptions options = options_for(broker->port());
    const std::string payload(payload_bytes_max(options), 'x');
    EXPECT_EQ(publish(options, payload, captured.console()), exit_done);
    broker.reset();
    EXPECT_EQ(heard.size(), wire::publish_frame_bytes_max);
    EXPECT_EQ(captured.err(), "") << "no progress line where there is no terminal";
}

TEST(Publish, FailsWhenTheBrokerRefuses) {
    ScriptedBroker broker({[&](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_all());
        peer.send(error("Authkey not allowed\x1b to pub here. ident=me, chan=chan"));
    }});
    const CapturedConsole captured;
    EXPECT_EQ(publish(options_for(broker.port()), "x", captured.console()), exit_failed);
    EXPECT_EQ(captured.err(),
              "hpfeeds: the broker refused: Authkey not allowed\\x1b to pub here. ident=me, "
              "chan=chan\n");
    EXPECT_EQ(captured.out(), "[feedcli] connected to broker\n");
}

// The refusal comes while we still send.
TEST(Publish, TellsTheRefusalOfABrokerThatReadsNoFurther) {
    ScriptedBroker broker({[&](const Peer& peer) {
        static_cast<void>(greet(peer));
        peer.send(error("Authentication failed for me"));
        static_cast<void>(shutdown(peer.descriptor(), SHUT_WR));
        static_cast<void>(peer.read_all());
    }});
    const CapturedConsole captured;
    EXPECT_EQ(publish(options_for(broker.port()), std::string(1'000'000, 'x'), captured.console()),
              exit_failed);
    EXPECT_EQ(captured.err(), "hpfeeds: the broker refused: Authentication failed for me\n");
}

TEST(Publish, FailsAtOnceWhenNobodyListens) {
    const DeadPort dead;
    const CapturedConsole captured;
    EXPECT_EQ(publish(options_for(dead.port()), "x", captured.console()), exit_failed);
    EXPECT_THAT(captured.err(), HasSubstr("cannot connect to 127.0.0.1:"));
    EXPECT_THAT(captured.err(), HasSubstr("Connection refused\n"));
    EXPECT_EQ(captured.out(), "");
}

TEST(Publish, FailsWhenTheBrokerDoesNotIntroduceItself) {
    ScriptedBroker broker({[](const Peer&) {}, [](const Peer& peer) { peer.stay_silent(); },
                           [](const Peer& peer) {
                               peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
                               peer.stay_silent();
                           }});
    ClientOptions options = options_for(broker.port());
    const CapturedConsole closed;
    EXPECT_EQ(publish(options, "x", closed.console()), exit_failed);
    EXPECT_THAT(closed.err(), HasSubstr("did not introduce itself: the broker closed"));
    options.timeout = std::chrono::milliseconds(50);
    const CapturedConsole silent;
    EXPECT_EQ(publish(options, "x", silent.console()), exit_failed);
    EXPECT_THAT(silent.err(), HasSubstr("said nothing for 1 s; if the broker expects TLS"));
    options.timeout = std::chrono::seconds(20);
    const CapturedConsole web;
    EXPECT_EQ(publish(options, "x", web.console()), exit_failed);
    EXPECT_THAT(web.err(), HasSubstr("does not speak hpfeeds: the opcode"));
}

TEST(Publish, SaysWhenTheBrokerDoesNotConfirm) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_frame());
        peer.hang();
    }});
    const CapturedConsole captured;
    ClientOptions options = options_for(broker.port());
    options.timeout = std::chrono::milliseconds(200);
    EXPECT_EQ(publish(options, "x", captured.console()), exit_done);
    EXPECT_THAT(captured.err(), HasSubstr("sent, but the broker did not confirm"));
    EXPECT_EQ(captured.out(), all_went_well);
}

TEST(Publish, FailsWhenTheBrokerTakesOnlyAPart) {
    ScriptedBroker broker({[](const Peer& peer) {
        const int small = 4096;
        setsockopt(peer.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        static_cast<void>(greet(peer));
        peer.hang();
    }});
    const CapturedConsole captured;
    ClientOptions options = options_for(broker.port());
    options.timeout = std::chrono::milliseconds(200);
    for (int channel = 0; channel < 12; ++channel)
        options.channels.push_back("chan" + std::to_string(channel));
    EXPECT_EQ(publish(options, std::string(1'000'000, 'x'), captured.console()), exit_failed);
    EXPECT_THAT(captured.err(), HasSubstr("sending failed"));
}

TEST(Publish, FailsWhenTheConnectionIsReset) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        const linger reset{1, 0};
        setsockopt(peer.descriptor(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }});
    const CapturedConsole captured;
    EXPECT_EQ(publish(options_for(broker.port()), "x", captured.console()), exit_failed);
    EXPECT_NE(captured.err(), "");
}

TEST(Publish, WorksOverTlsToTheVerdict) {
    const CertificateFiles files("localhost", "127.0.0.1");
    for (const bool refuse : {false, true}) {
        std::string heard;
        auto broker = std::make_optional<ScriptedBroker>(std::vector<Script>{[&](const Peer& peer) {
            const TlsPeer tls(files, peer.descriptor());
            tls.send(info("broker", "1234"));
            heard = tls.read_all();
            if (refuse) tls.send(error("no"));
            tls.close_notify();
        }});
        const CapturedConsole captured;
        ClientOptions options = options_for(broker->port());
        options.destination.tls = true;
        options.destination.trusted_file = files.certificate;
        EXPECT_EQ(publish(options, "x", captured.console()), refuse ? exit_failed : exit_done);
        EXPECT_EQ(captured.err(), refuse ? "hpfeeds: the broker refused: no\n" : "");
        broker.reset();
        EXPECT_THAT(heard, ::testing::EndsWith(publish("me", "chan", "x")));
    }
}

TEST(Publish, TellsItsStepsButNoSecretWithDebug) {
    ScriptedBroker broker({[](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_all());
    }});
    const CapturedConsole captured;
    ClientOptions options = options_for(broker.port());
    options.debug = true;
    options.secret = "hunter2";
    EXPECT_EQ(publish(options, "x", captured.console()), exit_done);
    for (const char* step : {"connecting to", "<- INFO, broker", "-> AUTH as me",
                             "-> PUBLISH on chan, 1 bytes", "everything is sent"})
        EXPECT_THAT(captured.err(), HasSubstr(step));
    EXPECT_THAT(captured.err(), ::testing::Not(HasSubstr("hunter2")));
}

TEST(PayloadBytesMax, CountsTheIdentAndTheLongestChannel) {
    ClientOptions options = options_for(1);
    options.channels = {"a", "abc"};
    EXPECT_EQ(payload_bytes_max(options), wire::payload_bytes_max - 1 - 2 - 1 - 3);
    options.channels = {std::string(256, 'c')};
    EXPECT_THROW(static_cast<void>(payload_bytes_max(options)), Error);
    options = options_for(1);
    options.ident = std::string(256, 'i');
    EXPECT_THROW(static_cast<void>(payload_bytes_max(options)), Error);
}

}  // namespace
}  // namespace hpfeeds::cli
