// SPDX-License-Identifier: Apache-2.0
#include "config/flags.hpp"

#include "config/limits.hpp"
#include "hpfeeds/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace hpfeeds::config {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(const Flags& flags) {
    try {
        static_cast<void>(to_options(flags));
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

TEST(Flags, MeanTheDocumentedDefaultsWhenNoneIsGiven) {
    const BrokerOptions options = to_options({});
    EXPECT_THAT(options.endpoints, ElementsAre(Endpoint{.interface = "0.0.0.0", .port = 20000}));
    EXPECT_THAT(options.auth, ElementsAre("sqlite"));
    EXPECT_FALSE(options.exporter);
    EXPECT_EQ(options.name, "hpfeeds");
    EXPECT_EQ(options.log_level, LogLevel::info);
    EXPECT_EQ(options.log_format, LogFormat::text);
    EXPECT_EQ(options.slow_policy, SlowPolicy::disconnect);
    EXPECT_EQ(options.frame_bytes_max, 5u + 1'048'576u);
    EXPECT_EQ(options.slow_high_bytes, 50u * (5 + 1'048'576));
    EXPECT_EQ(options.slow_deadline, milliseconds{60'000});
}

TEST(Flags, HaveDefaultsWithinTheirOwnBounds) {
    const BrokerOptions defaults;
    EXPECT_TRUE(threads.contain(defaults.threads));
    EXPECT_TRUE(connections.contain(defaults.connections_max));
    EXPECT_TRUE(login_deadline.contain(defaults.login_deadline));
    EXPECT_TRUE(refusal_delay.contain(defaults.refusal_delay));
    EXPECT_TRUE(refusal_delay_max.contain(defaults.refusal_delay_max));
    EXPECT_TRUE(shutdown_grace.contain(defaults.shutdown_grace));
    EXPECT_TRUE(drain_timeout.contain(defaults.drain_timeout));
    EXPECT_TRUE(slow_deadline.contain(defaults.slow_deadline));
    EXPECT_TRUE(frame_bytes.contain(defaults.frame_bytes_max));
    EXPECT_TRUE(slow_high_bytes.contain(defaults.slow_high_bytes));
    EXPECT_TRUE(subscriber_bytes.contain(defaults.subscriber_bytes_max));
    EXPECT_TRUE(memory_bytes.contain(defaults.memory_bytes_max));
    EXPECT_TRUE(auth_workers.contain(defaults.auth_workers));
    EXPECT_TRUE(auth_queue.contain(defaults.auth_queue_max));
    EXPECT_TRUE(recheck.contain(*defaults.recheck));
    EXPECT_TRUE(auth_timeout.contain(defaults.auth_timeout));
}

TEST(Flags, ListenWhereTheEndpointsSay) {
    Flags flags;
    flags.endpoint = {"tcp:port=1", R"(tcp:interface=\:\:1:port=2)"};
    EXPECT_THAT(to_options(flags).endpoints,
                ElementsAre(Endpoint{.port = 1}, Endpoint{.interface = "::1", .port = 2}));
}

TEST(Flags, ListenOnBindAndEndpointsTogether) {
    Flags flags;
    flags.bind = "[::1]:3";
    flags.endpoint = {"tcp:port=1"};
    EXPECT_THAT(to_options(flags).endpoints,
                ElementsAre(Endpoint{.interface = "::1", .port = 3}, Endpoint{.port = 1}));
}

TEST(Flags, TurnBindIntoTls) {
    Flags flags;
    flags.tlscert = "b.crt";
    flags.tlskey = "b.key";
    const Endpoint expected{.kind = Endpoint::Kind::tls,
                            .interface = "0.0.0.0",
                            .port = 20000,
                            .key = "b.key",
                            .cert = "b.crt"};
    EXPECT_THAT(to_options(flags).endpoints, ElementsAre(expected));
    flags.bind = "0.0.0.0:20000";
    flags.endpoint = {"tcp:port=1"};
    EXPECT_THAT(to_options(flags).endpoints, ElementsAre(expected, Endpoint{.port = 1}));
}

TEST(Flags, RefuseHalfOfTls) {
    Flags certificate;
    certificate.tlscert = "b.crt";
    EXPECT_EQ(refusal(certificate), "Must specify --tlskey AND --tlscert");
    Flags key;
    key.tlskey = "b.key";
    EXPECT_EQ(refusal(key), "Must specify --tlskey AND --tlscert");
}

TEST(Flags, RefuseTlsFilesThatNothingWouldUse) {
    Flags flags;
    flags.tlscert = "b.crt";
    flags.tlskey = "b.key";
    flags.endpoint = {"tcp:port=1"};
    EXPECT_THAT(refusal(flags), AllOf(StartsWith("--tlscert 'b.crt'"), HasSubstr("write tls:")));
}

TEST(Flags, RefuseEmptyTlsFiles) {
    Flags flags;
    flags.tlscert = "";
    flags.tlskey = "b.key";
    EXPECT_THAT(refusal(flags), StartsWith("--tlscert '': empty"));
    flags.tlscert = "b.crt";
    flags.tlskey = "";
    EXPECT_THAT(refusal(flags), StartsWith("--tlskey '': empty"));
}

TEST(Flags, RefuseTheSameEndpointTwice) {
    Flags flags;
    flags.endpoint = {"tcp:port=1", "tcp:port=1"};
    EXPECT_THAT(refusal(flags), HasSubstr("give it once"));
    flags.endpoint = {"tcp:port=0", "tcp:port=0"};  // two ports of the system's choice
    EXPECT_EQ(refusal(flags), "");
}

TEST(Flags, RefuseTooManyEndpoints) {
    Flags flags;
    flags.endpoint.assign(endpoints_max, "tcp:port=0");
    EXPECT_EQ(refusal(flags), "");
    flags.endpoint.emplace_back("tcp:port=0");
    EXPECT_THAT(refusal(flags), HasSubstr("at most 64"));
}

TEST(Flags, KeepTheOrderOfKeyStores) {
    Flags flags;
    flags.auth = {"env", "users.json", "sqlite"};
    EXPECT_THAT(to_options(flags).auth, ElementsAre("env", "users.json", "sqlite"));
}

TEST(Flags, RefuseAnEmptyKeyStoreAndTooMany) {
    Flags flags;
    flags.auth = {"env", ""};
    EXPECT_THAT(refusal(flags), StartsWith("--auth '': empty"));
    flags.auth.assign(auth_sources_max + 1, "env");
    EXPECT_THAT(refusal(flags), HasSubstr("at most 16"));
}

TEST(Flags, ReadTheExporter) {
    Flags flags;
    flags.exporter = "0.0.0.0:9431";
    EXPECT_EQ(to_options(flags).exporter->host, "0.0.0.0");
    EXPECT_EQ(to_options(flags).exporter->port, 9431);
    EXPECT_FALSE(to_options(flags).exporter_details);
    flags.exporter_details = true;
    EXPECT_TRUE(to_options(flags).exporter_details);
    flags.exporter.reset();
    EXPECT_THAT(refusal(flags), StartsWith("--exporter-details without --exporter"));
    flags.exporter_details = false;
    flags.exporter = "9431";
    EXPECT_THAT(refusal(flags), StartsWith("--exporter '9431'"));
}

TEST(Flags, RefuseANameThatInfoCannotCarry) {
    Flags flags;
    flags.name = std::string(255, 'n');
    EXPECT_EQ(to_options(flags).name, flags.name);
    flags.name = std::string(256, 'n');
    EXPECT_THAT(refusal(flags), AllOf(StartsWith("--name '"), HasSubstr("256 bytes")));
}

TEST(Flags, ReadWords) {
    Flags flags;
    flags.log_format = "json";
    flags.slow_policy = "drop-newest";
    flags.threads = "auto";
    EXPECT_EQ(to_options(flags).log_format, LogFormat::json);
    EXPECT_EQ(to_options(flags).slow_policy, SlowPolicy::drop_newest);
    EXPECT_EQ(to_options(flags).threads, threads_auto);
    flags.log_format = "text";
    flags.slow_policy = "drop-oldest";
    flags.threads = "4";
    EXPECT_EQ(to_options(flags).log_format, LogFormat::text);
    EXPECT_EQ(to_options(flags).slow_policy, SlowPolicy::drop_oldest);
    EXPECT_EQ(to_options(flags).threads, 4u);
    flags.slow_policy = "disconnect";
    EXPECT_EQ(to_options(flags).slow_policy, SlowPolicy::disconnect);
}

TEST(Flags, RefuseUnknownWords) {
    Flags format;
    format.log_format = "xml";
    EXPECT_EQ(refusal(format), "--log-format 'xml': unknown format; write text or json");
    Flags policy;
    policy.slow_policy = "drop";
    EXPECT_EQ(refusal(policy),
              "--slow-policy 'drop': unknown policy; write disconnect, drop-newest or drop-oldest");
    Flags many;
    many.threads = "many";
    EXPECT_EQ(refusal(many), "--threads 'many': write auto, or a whole number from 1 to 64");
}

// A number's flag: where it is typed, where it ends up, and what lies just outside its bounds.
struct Number {
    const char* flag;
    std::optional<std::string> Flags::*typed;
    std::string least, most, below, above;
    std::function<std::uint64_t(const BrokerOptions&)> meaning;
    std::uint64_t least_meaning, most_meaning;
};

void PrintTo(const Number& number, std::ostream* out) {
    *out << number.flag;
}

class NumericFlag : public testing::TestWithParam<Number> {
protected:
    // With the relations between sizes out of the way.
    static Flags with(const std::string& value) {
        Flags flags;
        flags.max_frame = "281";
        flags.slow_high_mark = "1K";
        flags.max_queue = "1K";
        flags.max_memory = "1024G";
        flags.*GetParam().typed = value;
        if (GetParam().typed == &Flags::max_frame ||
            GetParam().typed == &Flags::max_frame_delivered ||
            GetParam().typed == &Flags::slow_high_mark)
            flags.max_queue = "64G";
        if (GetParam().typed == &Flags::max_frame_delivered) flags.max_frame = "64M";
        return flags;
    }
};

TEST_P(NumericFlag, TakesBothEndsOfItsBounds) {
    const Number& number = GetParam();
    EXPECT_EQ(number.meaning(to_options(with(number.least))), number.least_meaning);
    EXPECT_EQ(number.meaning(to_options(with(number.most))), number.most_meaning);
}

TEST_P(NumericFlag, RefusesWhatLiesOutsideAndWhatIsNoNumber) {
    const Number& number = GetParam();
    for (const std::string& value : {number.below, number.above, std::string("ten"), std::string(),
                                     std::string("99999999999999999999")})
        EXPECT_THAT(refusal(with(value)),
                    AllOf(StartsWith(std::string(number.flag) + " '" + value + "': "),
                          HasSubstr("write ")));
}

INSTANTIATE_TEST_SUITE_P(
    Every, NumericFlag,
    testing::Values(
        Number{"--threads", &Flags::threads, "1", "64", "0", "65",
               [](const BrokerOptions& o) { return o.threads; }, 1, 64},
        Number{"--max-connections", &Flags::max_connections, "0", "1048576", "-1", "1048577",
               [](const BrokerOptions& o) { return o.connections_max; }, 0, 1'048'576},
        Number{"--max-connections-per-address", &Flags::max_connections_per_address, "0", "1048576",
               "-1", "1048577",
               [](const BrokerOptions& o) { return o.connections_per_address_max.value(); }, 0,
               1'048'576},
        Number{"--max-connections-per-ident", &Flags::max_connections_per_ident, "0", "1048576",
               "-1", "1048577", [](const BrokerOptions& o) { return o.connections_per_ident_max; },
               0, 1'048'576},
        Number{"--login-deadline", &Flags::login_deadline, "1ms", "10m", "0", "600001ms",
               [](const BrokerOptions& o) { return o.login_deadline.count(); }, 1, 600'000},
        Number{"--auth-failure-delay", &Flags::auth_failure_delay, "0", "60", "-1s", "61s",
               [](const BrokerOptions& o) { return o.refusal_delay.count(); }, 0, 60'000},
        Number{"--auth-failure-delay-max", &Flags::auth_failure_delay_max, "0", "10m", "-1s", "11m",
               [](const BrokerOptions& o) { return o.refusal_delay_max.count(); }, 0, 600'000},
        Number{"--shutdown-grace", &Flags::shutdown_grace, "0s", "10m", "-1s", "11m",
               [](const BrokerOptions& o) { return o.shutdown_grace.count(); }, 0, 600'000},
        Number{"--drain-timeout", &Flags::drain_timeout, "0s", "10m", "-1s", "11m",
               [](const BrokerOptions& o) { return o.drain_timeout.count(); }, 0, 600'000},
        Number{"--max-frame", &Flags::max_frame, "281", "64M", "280", "67108865",
               [](const BrokerOptions& o) { return o.frame_bytes_max; }, 281, 67'108'864},
        Number{"--max-frame-delivered", &Flags::max_frame_delivered, "281", "64M", "280",
               "67108865", [](const BrokerOptions& o) { return o.delivered_frame_bytes_max; }, 281,
               67'108'864},
        Number{"--max-publish-rate", &Flags::max_publish_rate, "0", "100000000", "-1", "100000001",
               [](const BrokerOptions& o) { return o.publish_rate_max; }, 0, 100'000'000},
        Number{"--max-publish-bytes", &Flags::max_publish_bytes, "0", "64G", "-1", "65G",
               [](const BrokerOptions& o) { return o.publish_bytes_max; }, 0, 64ULL << 30},
        Number{"--slow-high-mark", &Flags::slow_high_mark, "1K", "64G", "1023", "65G",
               [](const BrokerOptions& o) { return o.slow_high_bytes; }, 1'024, 64ULL << 30},
        Number{"--slow-deadline", &Flags::slow_deadline, "1ms", "60m", "0", "61m",
               [](const BrokerOptions& o) { return o.slow_deadline.count(); }, 1, 3'600'000},
        Number{"--max-queue", &Flags::max_queue, "1KiB", "64GiB", "1023", "65G",
               [](const BrokerOptions& o) { return o.subscriber_bytes_max; }, 1'024, 64ULL << 30},
        Number{"--max-memory", &Flags::max_memory, "1MiB", "1024GiB", "1023K", "1025G",
               [](const BrokerOptions& o) { return o.memory_bytes_max; }, 1ULL << 20, 1ULL << 40},
        Number{"--auth-workers", &Flags::auth_workers, "1", "64", "0", "65",
               [](const BrokerOptions& o) { return o.auth_workers; }, 1, 64},
        Number{"--auth-queue", &Flags::auth_queue, "1", "1048576", "0", "1048577",
               [](const BrokerOptions& o) { return o.auth_queue_max; }, 1, 1'048'576},
        Number{"--auth-timeout", &Flags::auth_timeout, "10ms", "60s", "9ms", "61s",
               [](const BrokerOptions& o) { return o.auth_timeout.count(); }, 10, 60'000}));

TEST(Flags, RefuseToHandOutMoreThanTheyAccept) {
    Flags flags;
    flags.max_frame_delivered = "2M";
    EXPECT_EQ(refusal(flags),
              "--max-frame-delivered (2MiB) is more than --max-frame (1048581); lower "
              "--max-frame-delivered or raise --max-frame");
}

TEST(Flags, ReadHowOftenKeysAreLookedUpAgain) {
    const auto meaning = [](const std::string& typed) {
        Flags flags;
        flags.recheck = typed;
        return to_options(flags).recheck;
    };
    using std::chrono::milliseconds;
    EXPECT_EQ(to_options(Flags{}).recheck, milliseconds{30'000});
    EXPECT_EQ(meaning("off"), std::nullopt);
    EXPECT_EQ(meaning("0"), milliseconds{0});
    EXPECT_EQ(meaning("500ms"), milliseconds{500});
    EXPECT_EQ(meaning("1440m"), milliseconds{86'400'000});
}

TEST(Flags, RefuseToLookKeysUpAgainAtNoTime) {
    Flags flags;
    for (const char* typed : {"on", "", "-1", "1h", "never"}) {
        flags.recheck = typed;
        EXPECT_EQ(refusal(flags), "--recheck '" + std::string(typed) +
                                      "': write off, or seconds, or a number with ms, s or m, "
                                      "as in 10s");
    }
    flags.recheck = "86401";
    EXPECT_EQ(refusal(flags), "--recheck '86401': write a duration from 0 to 1440m");
}

TEST(Flags, TakeNamesLiterallyUnlessToldOtherwise) {
    Flags flags;
    EXPECT_FALSE(to_options(flags).wildcards);
    flags.wildcards = true;
    EXPECT_TRUE(to_options(flags).wildcards);
}

TEST(Flags, RefuseAHighMarkThatCannotBeReached) {
    Flags flags;
    flags.max_queue = "32M";
    EXPECT_EQ(refusal(flags),
              "--slow-high-mark (52429050) is more than --max-queue (32MiB); lower "
              "--slow-high-mark or raise --max-queue");
    flags.slow_high_mark = "32M";
    EXPECT_EQ(refusal(flags), "");
}

TEST(Flags, RefuseAFrameThatNoQueueCanHold) {
    Flags flags;
    flags.slow_high_mark = "1M";
    flags.max_queue = "1M";
    EXPECT_THAT(refusal(flags),
                StartsWith("--max-frame (1048581) is more than --max-queue (1MiB)"));
}

TEST(Flags, RefuseAQueueBeyondAllMemory) {
    Flags flags;
    flags.max_memory = "32M";
    EXPECT_THAT(refusal(flags),
                StartsWith("--max-queue (64MiB) is more than --max-memory (32MiB)"));
}

}  // namespace
}  // namespace hpfeeds::config
