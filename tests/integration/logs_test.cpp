// SPDX-License-Identifier: Apache-2.0
// "No attacks shown": every refusal has a line that says who, from where, which channel and why, in
// either format.
#include "support/broker_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

struct Refused {
    std::string name;
    std::function<void(WireClient&)> act;  // on a connection that has read INFO
    std::string event;
    std::string ident;
    std::string channel;
    std::string reason;
};

void PrintTo(const Refused& refused, std::ostream* out) {
    *out << refused.name;
}

std::vector<Refused> refusals() {
    const auto as_sensor = [](const std::string& bytes) {
        return [bytes](WireClient& client) {
            client.auth(sensor);
            client.send(bytes);
        };
    };
    return {{"UnknownIdent",
             [](WireClient& client) {
                 client.auth({"nobody", "x"});
             },
             "login refused", "nobody", "", "unknown-ident"},
            {"WrongSecret",
             [](WireClient& client) {
                 client.auth({"sensor", "x"});
             },
             "login refused", "sensor", "", "wrong-secret"},
            {"FirstMessage",
             [](WireClient& client) { client.send(subscribe_frame("logger", "events")); },
             "login refused", "", "events", "first-message-not-auth"},
            {"IdentMismatch", as_sensor(publish_frame("both", "events", "x")), "publish refused",
             "sensor", "events", "ident-mismatch"},
            {"PublishPermission", as_sensor(publish_frame("sensor", "secrets", "x")),
             "publish refused", "sensor", "secrets", "no-publish-permission"},
            {"SubscribePermission", as_sensor(subscribe_frame("sensor", "events")),
             "subscribe refused", "sensor", "events", "no-subscribe-permission"},
            {"ProtocolError", as_sensor(header(4, op_publish)), "protocol error", "sensor", "",
             "length-below-header"}};
}

class RefusalLog : public testing::TestWithParam<Refused> {
protected:
    // The line of the refusal, which is checked field by field.
    static LogLine refuse(const BrokerProcess& broker) {
        WireClient client(broker.address());
        client.expect_info();
        const std::string peer = client.local_address();
        GetParam().act(client);
        const LogLine line = broker.wait_for_log(
            [&](const LogLine& candidate) { return candidate.field("peer") == peer; });
        EXPECT_EQ(line.field("ident"), GetParam().ident) << line.text;
        EXPECT_EQ(line.field("channel"), GetParam().channel) << line.text;
        EXPECT_EQ(line.field("reason"), GetParam().reason) << line.text;
        EXPECT_NE(line.field("why"), "") << line.text;
        return line;
    }
};

TEST_P(RefusalLog, SaysWhoFromWhereWhichChannelAndWhyAsText) {
    const BrokerProcess broker({.arguments = {"--auth-failure-delay", "0"}});
    const LogLine line = refuse(broker);
    EXPECT_TRUE(line.head.ends_with(" warning " + GetParam().event)) << line.text;
}

TEST_P(RefusalLog, SaysTheSameAsJson) {
    const BrokerProcess broker(
        {.arguments = {"--auth-failure-delay", "0", "--log-format", "json"}});
    const LogLine line = refuse(broker);
    EXPECT_EQ(line.level, "warning");
    EXPECT_EQ(line.event, GetParam().event);
}

INSTANTIATE_TEST_SUITE_P(Logs, RefusalLog, testing::ValuesIn(refusals()),
                         [](const auto& refused) { return refused.param.name; });

TEST(Logs, EveryJsonLineIsAnObjectWithTimeLevelAndEvent) {
    BrokerProcess broker(
        {.arguments = {"--log-format", "json", "--debug", "--auth-failure-delay", "0"}});
    WireClient hostile(broker.address(), Login{"quote\" \n line \xff \x1b[31m", "x"});
    hostile.expect_frame();
    WireClient client(broker.address(), both);
    client.settle();
    EXPECT_EQ(broker.stop(), 0);
    for (const std::string& line : broker.process().err().lines()) {
        const auto parsed = parse_json_line(line);
        ASSERT_TRUE(parsed) << line;
        EXPECT_NE(parsed->event, "") << line;
        EXPECT_NE(parsed->level, "") << line;
        EXPECT_NE(parsed->field("time"), "") << line;
    }
}

// A peer cannot forge a line, nor colour a terminal.
TEST(Logs, WhatAPeerSaysStaysOnOneLineAndPrintable) {
    BrokerProcess broker({.arguments = {"--auth-failure-delay", "0"}});
    WireClient hostile(broker.address(), Login{"x\n2026 error forged peer=1.2.3.4\x1b[31m", "x"});
    hostile.expect_frame();
    broker.wait_for_log({"login refused", "forged"});
    EXPECT_EQ(broker.stop(), 0);
    for (const std::string& line : broker.process().err().lines()) {
        EXPECT_FALSE(line.starts_with("2026 error forged")) << line;
        EXPECT_TRUE(
            std::none_of(line.begin(), line.end(), [](char byte) { return byte == '\x1b'; }));
    }
}

TEST(Logs, NeverHoldASecret) {
    BrokerProcess broker({.arguments = {"--debug", "--auth-failure-delay", "0"}});
    WireClient client(broker.address(), both);
    client.settle();
    WireClient refused(broker.address(), Login{"sensor", "wrong"});
    refused.expect_frame();
    EXPECT_EQ(broker.stop(), 0);
    EXPECT_EQ(broker.log().find("-secret\""), std::string::npos);
    EXPECT_EQ(broker.log().find("both-secret"), std::string::npos);
    EXPECT_EQ(broker.log().find("sensor-secret"), std::string::npos);
}

TEST(Logs, AFloodOfRefusalsIsCountedNotWritten) {
    BrokerProcess broker({.arguments = {"--auth-failure-delay", "0"}});
    for (int count = 0; count < 2000; ++count) {
        WireClient client(broker.address(), Login{"sensor", "wrong"});
        client.expect_refusal("Authentication failed for sensor");
    }
    EXPECT_EQ(broker.stop(), 0);
    const std::vector<std::string> lines = broker.process().err().lines();
    const auto refused = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
        return line.find("login refused") != std::string::npos;
    });
    EXPECT_GT(refused, 0);
    EXPECT_LT(refused, 2000);
}

}  // namespace
}  // namespace hpfeeds::support
