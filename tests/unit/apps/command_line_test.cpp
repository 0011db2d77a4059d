// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include "unit/apps/console_fixture.hpp"
#include "unit/apps/scripts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <vector>

namespace hpfeeds::cli {
namespace {

using namespace testing;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

class CommandLine : public ::testing::Test {
protected:
    void SetUp() override {
        for (const char* name : {"HPFEEDS_HOST", "HPFEEDS_PORT", "HPFEEDS_IDENT", "HPFEEDS_SECRET"})
            unsetenv(name);
    }
    // What a broker hears behind AUTH; the port takes the place of the word PORT.
    std::string heard_from(Words words) {
        std::string heard;
        auto broker = std::make_optional<ScriptedBroker>(std::vector<Script>{[&](const Peer& peer) {
            ident_ = greet(peer).substr(6, 2);
            heard = peer.read_all();
        }});
        port_ = std::to_string(broker->port());
        for (std::string& word : words)
            if (word == "PORT") word = port_;
        status_ = run(words, captured_.console());
        broker.reset();
        return heard;
    }
    // The complaint of a wrong usage.
    static std::string complaint(const Words& words) {
        const CapturedConsole captured;
        EXPECT_EQ(run(words, captured.console()), exit_usage);
        EXPECT_EQ(captured.out(), "");
        EXPECT_THAT(captured.err(), StartsWith("hpfeeds: "));
        EXPECT_THAT(captured.err(), EndsWith("; see hpfeeds --help\n"));
        EXPECT_EQ(captured.err().find('\n'), captured.err().size() - 1) << captured.err();
        return captured.err();
    }

    CapturedConsole captured_{"stdin"};
    std::string ident_;
    std::string port_;
    int status_ = -1;
};

TEST_F(CommandLine, TakesOptionsBehindTheAction) {
    EXPECT_EQ(heard_from({"publish", "--host", "127.0.0.1", "-p", "PORT", "-i", "me", "-s", "s",
                          "-c", "chan", "hello", "world"}),
              publish("me", "chan", "hello world"));
    EXPECT_EQ(status_, exit_done);
}

TEST_F(CommandLine, TakesOptionsBeforeTheAction) {
    EXPECT_EQ(heard_from({"--host=127.0.0.1", "--port", "PORT", "--ident", "me", "--secret", "s",
                          "--chan", "a", "publish", "-c", "b", "x"}),
              publish("me", "a", "x") + publish("me", "b", "x"));
}

TEST_F(CommandLine, SendsEachChannelOnce) {
    EXPECT_EQ(heard_from({"publish", "--host", "127.0.0.1", "-p", "PORT", "-i", "me", "-s", "s",
                          "-c", "a", "-c", "a", "x"}),
              publish("me", "a", "x"));
}

TEST_F(CommandLine, LeavesPayloadsAsTheyAre) {
    const Words options{"--host", "127.0.0.1", "-p", "PORT", "-i", "me", "-s", "s", "-c", "c"};
    const std::vector<std::pair<Words, std::string>> cases{{{"[1,2,3]"}, "[1,2,3]"},
                                                           {{"[]", "[a]"}, "[] [a]"},
                                                           {{"{\"a\": [1]}"}, "{\"a\": [1]}"},
                                                           {{"subscribe"}, "subscribe"},
                                                           {{"--", "-x", "--host"}, "-x --host"},
                                                           {{"-"}, "stdin"},
                                                           {{""}, ""}};
    for (const auto& [words, payload] : cases) {
        Words line{"publish"};
        line.insert(line.end(), options.begin(), options.end());
        line.insert(line.end(), words.begin(), words.end());
        EXPECT_EQ(heard_from(line), publish("me", "c", payload)) << captured_.err();
    }
}

TEST_F(CommandLine, SendsAFile) {
    const Folder folder;
    const std::string path = folder.write("file", "content");
    EXPECT_EQ(heard_from({"sendfile", path, "--host", "127.0.0.1", "-p", "PORT", "-i", "me", "-s",
                          "s", "-c", "c"}),
              publish("me", "c", "content"));
}

TEST_F(CommandLine, TakesWhatIsMissingFromTheEnvironment) {
    setenv("HPFEEDS_HOST", "127.0.0.1", 1);
    setenv("HPFEEDS_IDENT", "en", 1);
    setenv("HPFEEDS_SECRET", "s", 1);
    EXPECT_EQ(heard_from({"publish", "-p", "PORT", "-c", "c", "x"}), publish("en", "c", "x"));
    EXPECT_EQ(ident_, "en");
    EXPECT_EQ(heard_from({"publish", "-p", "PORT", "-i", "me", "-c", "c", "x"}),
              publish("me", "c", "x"));
    EXPECT_EQ(ident_, "me");
    setenv("HPFEEDS_PORT", port_.c_str(), 1);
    setenv("HPFEEDS_PORT", "0", 1);
    EXPECT_THAT(complaint({"publish", "-c", "c", "x"}),
                HasSubstr("HPFEEDS_PORT '0' is not a port"));
}

TEST_F(CommandLine, SubscribesWithEveryOption) {
    const Folder folder;
    auto broker = std::make_optional<ScriptedBroker>(std::vector<Script>{[](const Peer& peer) {
        static_cast<void>(greet(peer));
        peer.send(publish("x", "c", "hello"));
        peer.stay_silent();
    }});
    EXPECT_EQ(run({"-o",
                   folder.path("log"),
                   "subscribe",
                   "--host",
                   "127.0.0.1",
                   "-p",
                   std::to_string(broker->port()),
                   "-i",
                   "me",
                   "-s",
                   "s",
                   "-c",
                   "c",
                   "--count",
                   "1",
                   "--format",
                   "raw",
                   "--no-reconnect",
                   "--timeout",
                   "20",
                   "--debug"},
                  captured_.console()),
              exit_done);
    EXPECT_EQ(folder.read("log"), "hello");
    EXPECT_THAT(captured_.out(), HasSubstr("[feedcli] publish to c by x: hello\n"));
    EXPECT_THAT(captured_.err(), HasSubstr("hpfeeds: debug: -> SUBSCRIBE to c\n"));
}

TEST_F(CommandLine, ComplainsInOneLine) {
    const Words known{"-i", "me", "-s", "s", "-c", "c"};
    const auto with = [&](Words words) {
        words.insert(words.end(), known.begin(), known.end());
        return complaint(words);
    };
    EXPECT_THAT(complaint({}), HasSubstr("no action: give subscribe"));
    EXPECT_THAT(complaint({"frob"}), HasSubstr("'frob' is not an action"));
    EXPECT_THAT(complaint({"subscribe"}),
                HasSubstr("no ident: give -i IDENT or set HPFEEDS_IDENT"));
    EXPECT_THAT(complaint({"subscribe", "-i", "a"}), HasSubstr("no secret: give -s SECRET"));
    EXPECT_THAT(complaint({"subscribe", "-i", "a", "-s", ""}), HasSubstr("no secret"));
    EXPECT_THAT(complaint({"subscribe", "-i", "a", "-s", "b"}), HasSubstr("no channel: give -c"));
    EXPECT_THAT(with({"publish"}), HasSubstr("nothing to publish"));
    EXPECT_THAT(with({"sendfile"}), HasSubstr("no file: give its path"));
    EXPECT_THAT(with({"subscribe", "--host", ""}), HasSubstr("--host is empty"));
    for (const char* port : {"0", "65536", "-1", "1x", "", "99999999999999999999"})
        EXPECT_THAT(with({"subscribe", "-p", port}), HasSubstr("is not a port")) << port;
    EXPECT_THAT(with({"subscribe", "--format", "xml"}),
                HasSubstr("subscribe: --format: xml not in"));
    EXPECT_THAT(with({"subscribe", "--timeout", "0"}), HasSubstr("--timeout"));
    EXPECT_THAT(with({"subscribe", "--count", "many"}), HasSubstr("--count"));
    EXPECT_THAT(with({"subscribe", "--unknown"}), HasSubstr("--unknown"));
    EXPECT_THAT(with({"subscribe", "--tlscert", "/nowhere/ca.pem"}),
                HasSubstr("--tlscert '/nowhere/ca.pem': No such file"));
    EXPECT_THAT(with({"-o", "x", "publish", "y"}), HasSubstr("--output is for subscribe"));
    EXPECT_THAT(with({"-o", "x", "sendfile", "y"}), HasSubstr("--output is for subscribe"));
}

TEST_F(CommandLine, FailsBeforeConnectingWhenThePayloadCannotBeSent) {
    EXPECT_EQ(
        run({"sendfile", "-i", "me", "-s", "s", "-c", "c", "/nowhere/file"}, captured_.console()),
        exit_failed);
    EXPECT_EQ(captured_.err(), "hpfeeds: cannot read '/nowhere/file': No such file or directory\n");
    const CapturedConsole large(std::string(1'100'000, 'x'));
    EXPECT_EQ(run({"publish", "-i", "me", "-s", "s", "-c", "c", "-"}, large.console()),
              exit_failed);
    EXPECT_THAT(large.err(), HasSubstr("is too large"));
    const CapturedConsole ident;
    EXPECT_EQ(
        run({"publish", "-i", std::string(256, 'i'), "-s", "s", "-c", "c", "x"}, ident.console()),
        exit_failed);
    EXPECT_THAT(ident.err(), HasSubstr("256 bytes, but hpfeeds allows at most 255"));
}

TEST_F(CommandLine, TeachesByExample) {
    for (const Words& words : {Words{"--help"}, Words{"subscribe", "-h"},
                               Words{"publish", "--help"}, Words{"sendfile", "--help"}}) {
        const CapturedConsole captured;
        EXPECT_EQ(run(words, captured.console()), exit_done);
        EXPECT_THAT(captured.out(), HasSubstr("Usage: hpfeeds"));
        EXPECT_THAT(captured.out(), HasSubstr("Examples:\n"));
        EXPECT_THAT(captured.out(), HasSubstr("--tlscert FILE"));
        EXPECT_THAT(captured.out(), ::testing::Not(HasSubstr("1048576")));
    }
}

TEST_F(CommandLine, KnowsItsVersion) {
    for (const char* flag : {"-V", "--version"}) {
        const CapturedConsole captured;
        EXPECT_EQ(run({flag}, captured.console()), exit_done);
        EXPECT_THAT(captured.out(), ::testing::MatchesRegex("hpfeeds [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    }
}

}  // namespace
}  // namespace hpfeeds::cli
