// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace hpfeeds::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::variant<BrokerOptions, Exit> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "hpfeeds-broker");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

BrokerOptions options(std::vector<const char*> arguments) {
    const auto parsed = parse(std::move(arguments));
    if (const auto* refused = std::get_if<Exit>(&parsed)) {
        ADD_FAILURE() << refused->out << refused->err;
        return {};
    }
    return std::get<BrokerOptions>(parsed);
}

Exit exit_of(std::vector<const char*> arguments) {
    const auto parsed = parse(std::move(arguments));
    if (const auto* exit = std::get_if<Exit>(&parsed)) return *exit;
    ADD_FAILURE() << "the broker would run";
    return {};
}

// The line of a usage error, checked to be one, on stderr alone.
std::string refusal(std::vector<const char*> arguments) {
    const Exit exit = exit_of(std::move(arguments));
    EXPECT_EQ(exit.status, 2);
    EXPECT_THAT(exit.out, IsEmpty());
    EXPECT_EQ(std::count(exit.err.begin(), exit.err.end(), '\n'), 1) << exit.err;
    return exit.err;
}

TEST(CommandLine, RunsWithoutAnyFlag) {
    const BrokerOptions defaults = options({});
    EXPECT_THAT(defaults.endpoints, ElementsAre(Endpoint{.interface = "0.0.0.0", .port = 20000}));
    EXPECT_THAT(defaults.auth, ElementsAre("sqlite"));
}

TEST(CommandLine, CarriesEveryFlagToItsOption) {
    const BrokerOptions all = options({"--bind",
                                       "127.0.0.1:1",
                                       "--tlscert",
                                       "c",
                                       "--tlskey",
                                       "k",
                                       "-e",
                                       "tcp:port=2",
                                       "--endpoint=tcp:port=3",
                                       "--auth",
                                       "env",
                                       "--auth=users.json",
                                       "--exporter",
                                       "[::1]:4",
                                       "--name",
                                       "mybroker",
                                       "--debug",
                                       "--log-format",
                                       "json",
                                       "--threads",
                                       "5",
                                       "--max-connections",
                                       "6",
                                       "--login-deadline",
                                       "7",
                                       "--auth-failure-delay",
                                       "8ms",
                                       "--shutdown-grace",
                                       "9s",
                                       "--max-frame",
                                       "10K",
                                       "--slow-policy",
                                       "drop-oldest",
                                       "--slow-high-mark",
                                       "11K",
                                       "--slow-deadline",
                                       "12m",
                                       "--max-queue",
                                       "13K",
                                       "--max-memory",
                                       "14M",
                                       "--auth-workers",
                                       "15",
                                       "--auth-queue",
                                       "16",
                                       "--auth-timeout",
                                       "17ms",
                                       "--recheck",
                                       "18",
                                       "--wildcards"});
    EXPECT_THAT(all.endpoints, ElementsAre(Endpoint{.kind = Endpoint::Kind::tls,
                                                    .interface = "127.0.0.1",
                                                    .port = 1,
                                                    .key = "k",
                                                    .cert = "c"},
                                           Endpoint{.port = 2}, Endpoint{.port = 3}));
    EXPECT_THAT(all.auth, ElementsAre("env", "users.json"));
    EXPECT_EQ(all.exporter.value().host, "::1");
    EXPECT_EQ(all.exporter.value().port, 4);
    EXPECT_EQ(all.name, "mybroker");
    EXPECT_TRUE(all.debug);
    EXPECT_EQ(all.log_format, LogFormat::json);
    EXPECT_EQ(all.threads, 5u);
    EXPECT_EQ(all.connections_max, 6u);
    EXPECT_EQ(all.login_deadline.count(), 7'000);
    EXPECT_EQ(all.refusal_delay.count(), 8);
    EXPECT_EQ(all.shutdown_grace.count(), 9'000);
    EXPECT_EQ(all.frame_bytes_max, 10u * 1024);
    EXPECT_EQ(all.slow_policy, SlowPolicy::drop_oldest);
    EXPECT_EQ(all.slow_high_bytes, 11u * 1024);
    EXPECT_EQ(all.slow_deadline.count(), 720'000);
    EXPECT_EQ(all.subscriber_bytes_max, 13u * 1024);
    EXPECT_EQ(all.memory_bytes_max, 14u * 1024 * 1024);
    EXPECT_EQ(all.recheck.value().count(), 18'000);
    EXPECT_TRUE(all.wildcards);
    EXPECT_EQ(all.auth_workers, 15u);
    EXPECT_EQ(all.auth_queue_max, 16u);
    EXPECT_EQ(all.auth_timeout.count(), 17);
}

TEST(CommandLine, ListensOnTheDefaultOnlyWithoutEndpoints) {
    EXPECT_THAT(options({"-e", "tcp:port=1"}).endpoints, ElementsAre(Endpoint{.port = 1}));
}

TEST(CommandLine, TakesTheLastOfARepeatedValue) {
    EXPECT_EQ(options({"--name", "first", "--name=second"}).name, "second");
}

TEST(CommandLine, TakesEveryByteOfAValue) {
    EXPECT_EQ(options({"--name", "a,b [c] {d} \"e\" f=g"}).name, "a,b [c] {d} \"e\" f=g");
    EXPECT_THAT(options({"--auth", "[a,b].json", "--auth", "x y.json"}).auth,
                ElementsAre("[a,b].json", "x y.json"));
    EXPECT_EQ(options({"--name", ""}).name, "");
}

TEST(CommandLine, RefusesHalfOfTlsInUpstreamsWords) {
    EXPECT_EQ(refusal({"--tlscert", "c"}), "Must specify --tlskey AND --tlscert\n");
    EXPECT_EQ(refusal({"--tlskey", "k"}), "Must specify --tlskey AND --tlscert\n");
}

TEST(CommandLine, RefusesABadValueNamingFlagValueAndRemedy) {
    EXPECT_EQ(refusal({"--bind", "localhost"}),
              "hpfeeds-broker: --bind 'localhost': no port; write HOST:PORT, as in "
              "127.0.0.1:20000\n");
    EXPECT_THAT(refusal({"-e", "udp:port=1"}),
                StartsWith("hpfeeds-broker: --endpoint 'udp:port=1': "));
    EXPECT_THAT(refusal({"--threads", "0"}), StartsWith("hpfeeds-broker: --threads '0': "));
    EXPECT_THAT(refusal({"--login-deadline", "1\n2"}), HasSubstr(R"('1\x0a2')"));
}

TEST(CommandLine, RefusesUnknownFlagsAndArguments) {
    for (const char* argument : {"--frob", "--frob=1", "-x", "tcp:port=1", "--bin", "--"})
        EXPECT_THAT(refusal({argument}),
                    StartsWith("hpfeeds-broker: '" + std::string(argument) + "' "));
    EXPECT_THAT(refusal({"-e", "tcp:port=1", "tcp:port=2"}), HasSubstr("'tcp:port=2'"))
        << "one value for each -e";
}

TEST(CommandLine, RefusesAFlagWithoutItsValue) {
    for (const char* flag : {"--bind", "--endpoint", "--auth", "--threads", "--max-queue"})
        EXPECT_EQ(refusal({flag}),
                  "hpfeeds-broker: " + std::string(flag) +
                      " needs a value; hpfeeds-broker --help explains the flags\n");
    EXPECT_THAT(refusal({"--exporter=", "--debug"}), HasSubstr("'--exporter=' has no value"));
}

TEST(CommandLine, RefusesAValueForAFlagThatHasNone) {
    EXPECT_THAT(refusal({"--debug=maybe"}), HasSubstr("--debug"));
}

TEST(CommandLine, PrintsItsVersion) {
    const Exit version = exit_of({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.out, testing::MatchesRegex("hpfeeds-broker [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    EXPECT_THAT(version.err, IsEmpty());
}

TEST(CommandLine, TeachesEveryFlag) {
    const Exit help = exit_of({"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.err, IsEmpty());
    for (const char* flag : {"-e,--endpoint",
                             "--bind",
                             "--tlscert",
                             "--tlskey",
                             "--exporter",
                             "--auth",
                             "--name",
                             "--debug",
                             "--log-format",
                             "--threads",
                             "--max-connections",
                             "--login-deadline",
                             "--auth-failure-delay",
                             "--shutdown-grace",
                             "--max-frame",
                             "--slow-policy",
                             "--slow-high-mark",
                             "--slow-deadline",
                             "--max-queue",
                             "--max-memory",
                             "--auth-workers",
                             "--auth-queue",
                             "--auth-timeout",
                             "--recheck",
                             "--wildcards",
                             "--version",
                             "-h,--help"})
        EXPECT_THAT(help.out, HasSubstr("  " + std::string(flag) + " ")) << flag;
    EXPECT_THAT(help.out, HasSubstr("auto: half the processors"));
    EXPECT_THAT(help.out, HasSubstr("listens on both"));
    EXPECT_EQ(exit_of({"-h"}).out, help.out);
}

TEST(CommandLine, TeachesInLinesThatFitATerminal) {
    std::istringstream help(exit_of({"--help"}).out);
    for (std::string line; std::getline(help, line);)
        EXPECT_LE(line.size(), 100u) << line;
}

// Each example in the help is a line that works, as a shell would split it.
TEST(CommandLine, TeachesExamplesThatWork) {
    std::istringstream help(exit_of({"--help"}).out);
    int examples = 0;
    for (std::string line; std::getline(help, line);) {
        if (!line.starts_with("  hpfeeds-broker")) continue;
        ++examples;
        std::erase(line, '\'');
        std::istringstream words(line);
        const std::vector<std::string> parts{std::istream_iterator<std::string>(words), {}};
        std::vector<const char*> arguments;
        for (std::size_t index = 1; index < parts.size(); ++index)
            arguments.push_back(parts[index].c_str());
        EXPECT_THAT(options(arguments).endpoints, testing::Not(IsEmpty())) << line;
    }
    EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace hpfeeds::config
