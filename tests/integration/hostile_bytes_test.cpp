// SPDX-License-Identifier: Apache-2.0
// Bytes that no client should send: torn, impossible, random. A broker refuses them, stays, and
// disturbs nobody.
#include "support/broker_process.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

// A whole session as one client writes it: login, subscribe, two messages, unsubscribe, a last
// message.
std::string whole_session(std::string_view nonce) {
    return auth_frame(nonce, both.ident, both.secret) + subscribe_frame(both.ident, "events") +
           publish_frame(both.ident, "events", "first") + publish_frame(both.ident, "events", "") +
           unsubscribe_frame(both.ident, "events") +
           publish_frame(both.ident, "events", "must not arrive") +
           subscribe_frame(both.ident, "other") + publish_frame(both.ident, "other", "last");
}

void expect_whole_session(WireClient& client) {
    client.expect_message({"both", "events", "first"});
    client.expect_message({"both", "events", ""});
    client.expect_message({"both", "other", "last"});
}

// Each connection is torn at another byte. The second part goes out when the broker has surely read
// the first: a second client that connected later has been served meanwhile.
TEST(TornFrames, ASessionTornInTwoAtAnyByteIsTheSameSession) {
    const BrokerProcess broker;
    WireClient other(broker.address(), sensor);
    const std::size_t size = whole_session("1234").size();
    for (std::size_t tear = 1; tear < size; ++tear) {
        WireClient client(broker.address());
        client.expect_info();
        const std::string bytes = whole_session(client.info().nonce);
        client.send(std::string_view(bytes).substr(0, tear));
        other.settle();
        client.send(std::string_view(bytes).substr(tear));
        expect_whole_session(client);
    }
}

TEST(TornFrames, ASessionSentByteByByteIsTheSameSession) {
    const BrokerProcess broker;
    WireClient client(broker.address());
    client.expect_info();
    const std::string bytes = whole_session(client.info().nonce);
    for (const char byte : bytes)
        client.send(std::string_view(&byte, 1));
    expect_whole_session(client);
}

TEST(TornFrames, APeerThatVanishesAtAnyByteDisturbsNobody) {
    BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    const std::string message = publish_frame("sensor", "events", "torn payload");
    for (std::size_t tear = 1; tear < message.size(); ++tear) {
        WireClient client(broker.address(), sensor);
        client.send(std::string_view(message).substr(0, tear));
        if (tear % 2 == 0) client.reset();
    }
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "whole");
    listener.expect_message({"sensor", "events", "whole"});
    EXPECT_TRUE(broker.running());
}

TEST(TornFrames, APeerThatVanishesInTheMiddleOfAMegabyteDisturbsNobody) {
    BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    const std::string message = publish_frame("sensor", "events", std::string(1'000'000, 'm'));
    for (int count = 0; count < 50; ++count) {
        WireClient client(broker.address(), sensor);
        client.send(std::string_view(message).substr(0, message.size() / 2));
        if (count % 2 == 0) client.reset();
    }
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "whole");
    listener.expect_message({"sensor", "events", "whole"});
}

// ---- frames that cannot be ----

struct Impossible {
    std::string name;
    std::string bytes;
};

void PrintTo(const Impossible& impossible, std::ostream* out) {
    *out << impossible.name;
}

std::vector<Impossible> impossible_headers() {
    return {{"LengthZero", header(0, op_publish)},
            {"LengthOne", header(1, op_publish)},
            {"LengthFour", header(4, op_publish)},
            {"LengthNegativeOne", header(0xFFFFFFFFU, op_publish)},
            {"LengthMostNegative", header(0x80000000U, op_publish)},
            {"LengthMostPositive", header(0x7FFFFFFFU, op_publish)},
            {"AuthTooLong", header(282, op_auth)},
            {"EmptyAuth", header(5, op_auth)},
            {"EmptyPublish", header(5, op_publish)},
            {"EmptySubscribe", header(5, op_subscribe)},
            {"EmptyUnsubscribe", header(5, op_unsubscribe)},
            {"ErrorFromAClient", frame(op_error, "x")},
            {"EmptyErrorFromAClient", header(5, op_error)},
            {"InfoFromAClient", frame(op_info, str8("x") + "1234")},
            {"OpcodeSix", frame(6, str8("x"))},
            {"OpcodeMost", frame(255, str8("x"))},
            {"AuthIdentPastTheFrame", frame(op_auth,
                                            "\xff"
                                            "short")}};
}

std::vector<Impossible> impossible_after_login() {
    std::vector<Impossible> list = impossible_headers();
    list.push_back({"PublishTooLong", header(1'048'582, op_publish)});
    list.push_back({"SubscribeTooLong", header(1'048'577, op_subscribe)});
    list.push_back({"UnsubscribeTooLong", header(1'048'577, op_unsubscribe)});
    list.push_back({"PublishIdentPastTheFrame", frame(op_publish, "\x09sensor")});
    list.push_back({"PublishWithoutChannel", frame(op_publish, str8("sensor"))});
    list.push_back({"PublishChannelPastTheFrame", frame(op_publish, str8("sensor") + "\x09"
                                                                                     "even")});
    list.push_back({"SubscribeIdentPastTheFrame", frame(op_subscribe, "\x09sensor")});
    list.push_back({"UnsubscribeIdentPastTheFrame", frame(op_unsubscribe, "\x09sensor")});
    return list;
}

std::vector<Impossible> impossible_before_login() {
    std::vector<Impossible> list = impossible_headers();
    list.push_back({"PublishLongerThanAnAuth", header(282, op_publish)});
    list.push_back({"SubscribeLongerThanAnAuth", header(282, op_subscribe)});
    return list;
}

std::string name_of(const testing::TestParamInfo<Impossible>& info) {
    return info.param.name;
}

// Closed without an ERROR frame, although nothing follows the header: it is judged on its five
// bytes.
class BeforeLogin : public testing::TestWithParam<Impossible> {};
TEST_P(BeforeLogin, AnImpossibleFrameClosesWithoutAnError) {
    BrokerProcess broker;
    WireClient client(broker.address());
    client.expect_info();
    client.send(GetParam().bytes);
    client.expect_closed();
    WireClient healthy(broker.address(), both);
    healthy.settle();
    EXPECT_TRUE(broker.running());
}
INSTANTIATE_TEST_SUITE_P(HostileBytes, BeforeLogin, testing::ValuesIn(impossible_before_login()),
                         name_of);

class AfterLogin : public testing::TestWithParam<Impossible> {};
TEST_P(AfterLogin, AnImpossibleFrameClosesWithoutAnErrorAndNothingBehindItCounts) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.send(publish_frame("sensor", "events", "before") + GetParam().bytes +
                publish_frame("sensor", "events", "must not arrive"));
    client.expect_closed();
    listener.expect_message({"sensor", "events", "before"});
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "behind it");
    listener.expect_message({"sensor", "events", "behind it"});
}
INSTANTIATE_TEST_SUITE_P(HostileBytes, AfterLogin, testing::ValuesIn(impossible_after_login()),
                         name_of);

// The five bytes that stop upstream's broker for good.
TEST(HostileBytes, TheFiveBytesThatStopUpstreamStopNobodyHere) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    for (int count = 0; count < 100; ++count) {
        WireClient attacker(broker.address());
        attacker.send(std::string("\x00\x00\x00\x00\x03", 5));
        attacker.expect_info();
        attacker.expect_closed();
    }
    listener.publish("events", "alive");
    listener.expect_message({"both", "events", "alive"});
}

// ---- sizes ----

TEST(FrameSizes, TheLargestFrameIsDelivered) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    const std::string payload(publish_frame_bytes_max - publish_frame("both", "events", "").size(),
                              'x');
    const std::string whole = publish_frame("both", "events", payload);
    ASSERT_EQ(whole.size(), publish_frame_bytes_max);
    client.send(whole + publish_frame("both", "events", "next"));
    client.expect_message({"both", "events", payload});
    client.expect_message({"both", "events", "next"});
}

TEST(FrameSizes, OneByteMoreIsRefused) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.settle();
    client.send(header(publish_frame_bytes_max + 1, op_publish));
    client.expect_closed();
}

TEST(FrameSizes, TheLimitIsTheOneOnTheCommandLine) {
    const BrokerProcess broker({.arguments = {"--max-frame", "10000"}});
    WireClient client(broker.address(), both);
    client.subscribe("events");
    const std::string payload(10'000 - publish_frame("both", "events", "").size(), 'x');
    client.publish("events", payload);
    client.expect_message({"both", "events", payload});
    client.send(header(10'001, op_publish));
    client.expect_closed();
}

TEST(FrameSizes, TheLongestSubscribeIsAnsweredAsADeniedOne) {
    const BrokerProcess broker;
    WireClient client(broker.address(), logger);
    const std::string channel(1'048'576 - 5 - 1 - client.ident().size(), 'c');
    client.subscribe(channel);
    const Received received = client.expect_frame();
    EXPECT_EQ(received.opcode, op_error);
    EXPECT_TRUE(received.body.starts_with("Authkey not allowed to sub here. ident=logger, chan=c"))
        << describe(received);
    client.expect_closed();
}

// ---- garbage ----

unsigned long seed() {
    const char* given = std::getenv("HPFEEDS_TEST_SEED");
    return given != nullptr ? std::stoul(given) : std::random_device{}();
}

// Bytes that get past the length often enough to reach everything behind it.
std::string garbage(std::mt19937_64& random, const Info& info) {
    std::uniform_int_distribution<int> choice(0, 99);
    std::string bytes;
    if (choice(random) < 50) bytes = auth_frame(info.nonce, sensor.ident, sensor.secret);
    const int frames = choice(random) % 5;
    for (int count = 0; count < frames; ++count) {
        std::string body;
        for (int size = choice(random) % 40; size > 0; --size)
            body.push_back(static_cast<char>(random()));
        bytes += choice(random) < 50 ? frame(static_cast<std::uint8_t>(random() % 7), body)
                                     : publish_frame("sensor", "other", body);
    }
    if (!bytes.empty() && choice(random) < 50)
        bytes.at(random() % bytes.size()) = static_cast<char>(random());
    if (choice(random) < 50) bytes.resize(bytes.size() - bytes.size() / 3);
    return bytes;
}

TEST(HostileBytes, GarbageNeverDisturbsAHealthyPair) {
    const unsigned long used = seed();
    SCOPED_TRACE("HPFEEDS_TEST_SEED=" + std::to_string(used));
    std::mt19937_64 random(used);
    BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(), sensor);
    std::vector<std::unique_ptr<WireClient>> lingering;
    int number = 0;
    for (int round = 0; round < 1500; ++round) {
        auto attacker = std::make_unique<WireClient>(broker.address());
        attacker->expect_info();
        attacker->send(garbage(random, attacker->info()));
        if (random() % 3 == 0) attacker->reset();
        if (random() % 3 == 0) lingering.push_back(std::move(attacker));
        if (lingering.size() > 100) lingering.clear();
        for (int count = 0; count < 3; ++count, ++number) {
            publisher.publish("events", std::to_string(number));
            listener.expect_message({"sensor", "events", std::to_string(number)});
        }
    }
    EXPECT_TRUE(broker.running());
}

}  // namespace
}  // namespace hpfeeds::support
