// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.hpp"

#include "support/temporary_directory.hpp"

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
                                       "--max-connections-per-address",
                                       "61",
                                       "--max-connections-per-ident",
                                       "62",
                                       "--login-deadline",
                                       "7",
                                       "--auth-failure-delay",
                                       "8ms",
                                       "--auth-failure-delay-max",
                                       "63s",
                                       "--shutdown-grace",
                                       "9s",
                                       "--max-frame",
                                       "10K",
                                       "--max-frame-delivered",
                                       "9K",
                                       "--max-publish-rate",
                                       "64",
                                       "--max-publish-bytes",
                                       "65K",
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
    EXPECT_EQ(all.log_level, LogLevel::debug);
    EXPECT_EQ(all.log_format, LogFormat::json);
    EXPECT_EQ(all.threads, 5u);
    EXPECT_EQ(all.connections_max, 6u);
    EXPECT_EQ(all.connections_per_address_max, 61u);
    EXPECT_EQ(all.connections_per_ident_max, 62u);
    EXPECT_EQ(all.login_deadline.count(), 7'000);
    EXPECT_EQ(all.refusal_delay.count(), 8);
    EXPECT_EQ(all.refusal_delay_max.count(), 63'000);
    EXPECT_EQ(all.shutdown_grace.count(), 9'000);
    EXPECT_EQ(all.frame_bytes_max, 10u * 1024);
    EXPECT_EQ(all.delivered_frame_bytes_max, 9u * 1024);
    EXPECT_EQ(all.publish_rate_max, 64u);
    EXPECT_EQ(all.publish_bytes_max, 65u * 1024);
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

TEST(CommandLine, NamesTheFlagThatWasProbablyMeant) {
    EXPECT_THAT(refusal({"--max-qeue=1M"}), HasSubstr("did you mean --max-queue?"));
    EXPECT_THAT(refusal({"--bin"}), HasSubstr("did you mean --bind?"));
}

TEST(CommandLine, RefusesBothOfAPair) {
    EXPECT_THAT(refusal({"--debug", "--log-level", "info"}), HasSubstr("keep one of the two"));
    EXPECT_EQ(options({"--log-level", "warning"}).log_level, LogLevel::warning);
}

class ConfigurationFile : public testing::Test {
protected:
    std::variant<BrokerOptions, Exit> parse_file(const std::string& text,
                                                 std::vector<const char*> arguments = {},
                                                 const Environment& environment = {}) {
        support::write_file(directory_.file("b.toml"), text);
        arguments.insert(arguments.begin(), {"hpfeeds-broker", "--config", path_.c_str()});
        return parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                  environment);
    }
    BrokerOptions options_of(const std::string& text, std::vector<const char*> arguments = {},
                             const Environment& environment = {}) {
        const auto parsed = parse_file(text, std::move(arguments), environment);
        if (const auto* refused = std::get_if<Exit>(&parsed)) {
            ADD_FAILURE() << refused->err;
            return {};
        }
        return std::get<BrokerOptions>(parsed);
    }
    std::string refusal_of(const std::string& text, std::vector<const char*> arguments = {},
                           const Environment& environment = {}) {
        const auto parsed = parse_file(text, std::move(arguments), environment);
        const auto* exit = std::get_if<Exit>(&parsed);
        if (exit == nullptr) {
            ADD_FAILURE() << "accepted: " << text;
            return {};
        }
        EXPECT_EQ(exit->status, 2);
        return exit->err;
    }

    support::TemporaryDirectory directory_;
    std::string path_ = directory_.file("b.toml");
};

// What --help knows can be set in the file, whoever adds it: a switch, a list, or one value.
TEST_F(ConfigurationFile, KnowsEveryFlag) {
    std::istringstream help(exit_of({"--help"}).out);
    std::size_t flags = 0;
    for (std::string line; std::getline(help, line);) {
        const std::size_t dashes = line.find("--");
        if (!line.starts_with("  ") || dashes == std::string::npos || dashes > 5) continue;
        const std::string name =
            line.substr(dashes + 2, line.find_first_of(" \n", dashes) - dashes - 2);
        const bool of_the_line_alone = name == "help" || name == "version" || name == "config" ||
                                       name == "check" || name == "print-config";
        if (of_the_line_alone) continue;
        ++flags;
        const auto parsed = parse_file(name + " = [[]]");
        EXPECT_THAT(std::get<Exit>(parsed).err, HasSubstr("a list inside a list")) << name;
        const auto known = parse_file(name + " = []");
        EXPECT_THAT(std::get<Exit>(known).err, testing::Not(HasSubstr("unknown key"))) << name;
        // Or a key of the env store, or a variable of Kubernetes, could be taken for it.
        for (const char* ending : {"secret", "owner", "pubchans", "subchans"})
            EXPECT_FALSE(name.ends_with(ending)) << name;
        EXPECT_FALSE(name == "port" || name.starts_with("port-") || name.starts_with("service-"))
            << name;
    }
    EXPECT_GE(flags, 25u);
}

TEST_F(ConfigurationFile, SaysWhatTheCommandLineCouldSay) {
    const BrokerOptions all = options_of(
        "endpoint = ['tcp:interface=\\:\\:1:port=2', \"tcp:port=3\"]\n"
        "auth = \"env\"\n"
        "name = \"[a,b]\"\n"
        "debug = true\n"
        "wildcards = true\n"
        "threads = 5\n"
        "max-queue = \"64M\"\n");
    EXPECT_THAT(all.endpoints,
                ElementsAre(Endpoint{.interface = "::1", .port = 2}, Endpoint{.port = 3}));
    EXPECT_THAT(all.auth, ElementsAre("env"));
    EXPECT_EQ(all.name, "[a,b]");
    EXPECT_EQ(all.log_level, LogLevel::debug);
    EXPECT_TRUE(all.wildcards);
    EXPECT_EQ(all.threads, 5u);
    EXPECT_EQ(all.subscriber_bytes_max, 64u * 1024 * 1024);
}

TEST_F(ConfigurationFile, GoesBehindTheEnvironmentAndTheCommandLine) {
    const Environment environment{{"HPFEEDS_BROKER_THREADS", "2"}, {"HPFEEDS_BROKER_NAME", "env"}};
    const BrokerOptions all =
        options_of("threads = 3\nname = \"file\"\nauth = \"env\"", {"--threads", "1"}, environment);
    EXPECT_EQ(all.threads, 1u);
    EXPECT_EQ(all.name, "env");
    EXPECT_THAT(all.auth, ElementsAre("env"));
    EXPECT_EQ(all.settings.at("threads").source, Source::command_line);
    EXPECT_EQ(all.settings.at("name").source, Source::environment);
    EXPECT_EQ(all.settings.at("auth").source, Source::file);
}

TEST_F(ConfigurationFile, MayBeNamedByTheEnvironment) {
    support::write_file(directory_.file("b.toml"), "threads = 7");
    const char* const program = "hpfeeds-broker";
    const auto parsed = parse_command_line(1, &program, {{"HPFEEDS_BROKER_CONFIG", path_}});
    EXPECT_EQ(std::get<BrokerOptions>(parsed).threads, 7u);
}

TEST_F(ConfigurationFile, IsToldByLineWhenAValueIsBad) {
    EXPECT_EQ(refusal_of("\nmax-queue = \"12Q\""),
              "hpfeeds-broker: " + path_ +
                  ":2: max-queue '12Q': not a size; write bytes, or a number with K, M or G, as in "
                  "64M\n");
    EXPECT_THAT(refusal_of("endpoint = [\n'tcp:port=1',\n'udp:port=1']"),
                StartsWith("hpfeeds-broker: " + path_ + ":3: endpoint 'udp:port=1': "));
    EXPECT_EQ(refusal_of("\ntlscert = 'c'"), path_ + ":2: Must specify --tlskey AND --tlscert\n");
    EXPECT_THAT(refusal_of("threads = -1"), HasSubstr(":1: threads '-1': "));
    EXPECT_THAT(refusal_of("max-qeue = 1\n\nnme = 1"),
                StartsWith("hpfeeds-broker: " + path_ + ":1: unknown key 'max-qeue'"));
}

TEST_F(ConfigurationFile, IsNotBlamedForWhatTheEnvironmentSays) {
    EXPECT_THAT(refusal_of("threads = 1", {}, {{"HPFEEDS_BROKER_THREADS", "x"}}),
                StartsWith("hpfeeds-broker: HPFEEDS_BROKER_THREADS 'x': "));
    EXPECT_THAT(refusal_of("threads = 1", {"--threads", "x"}),
                StartsWith("hpfeeds-broker: --threads 'x': "));
}

TEST_F(ConfigurationFile, MustBeThere) {
    EXPECT_THAT(refusal({"--config", "no-such.toml"}), HasSubstr("'no-such.toml': No such file"));
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
                             "--log-level",
                             "--config",
                             "--exporter-details",
                             "--check",
                             "--print-config",
                             "--threads",
                             "--max-connections",
                             "--max-connections-per-address",
                             "--max-connections-per-ident",
                             "--login-deadline",
                             "--auth-failure-delay",
                             "--auth-failure-delay-max",
                             "--shutdown-grace",
                             "--max-frame",
                             "--max-frame-delivered",
                             "--max-publish-rate",
                             "--max-publish-bytes",
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
            if (parts[index] == "--config")
                ++index;  // no file of the reader's is here
            else
                arguments.push_back(parts[index].c_str());
        EXPECT_THAT(options(arguments).endpoints, testing::Not(IsEmpty())) << line;
    }
    EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace hpfeeds::config
