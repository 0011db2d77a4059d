// SPDX-License-Identifier: Apache-2.0
// A PUBLISH from one peer to the others: who gets it, in which order, byte for byte.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;

class ShardTest : public ::testing::Test {
protected:
    ShardTest() {
        engine.add_account(account("sensor", {"cowrie", "dionaea"}, {"cowrie"}));
        engine.add_account(account("logger", {}, {"cowrie", "dionaea"}));
    }
    std::size_t subscriber(std::string_view channel) {
        const std::size_t peer = engine.login("logger");
        engine.say(peer, subscribe("logger", channel));
        return peer;
    }
    LoopbackEngine engine;
};

TEST_F(ShardTest, GreetsWithInfoAtOnce) {
    const std::size_t peer =
        engine.connect(0, {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}});
    EXPECT_EQ(engine.take_heard(peer),
              info("test", {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}));
}

TEST_F(ShardTest, SaysNothingAfterAGoodAuth) {
    const std::size_t peer = engine.login("sensor");
    EXPECT_EQ(engine.take_heard(peer), "");
    EXPECT_FALSE(engine.peer(peer).closed);
}

TEST_F(ShardTest, ForwardsAPublishByteForByte) {
    const std::size_t reader = subscriber("cowrie");
    const std::size_t sensor = engine.login("sensor");
    const std::string frame = publish("sensor", "cowrie", std::string("pay\0load\xff", 9));
    engine.say(sensor, frame);
    EXPECT_EQ(engine.take_heard(reader), frame);
}

TEST_F(ShardTest, ForwardsAnEmptyPayload) {  // client-quirk 16
    const std::size_t reader = subscriber("cowrie");
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, publish("sensor", "cowrie", ""));
    EXPECT_EQ(engine.take_heard(reader), publish("sensor", "cowrie", ""));
}

TEST_F(ShardTest, DeliversOnlyToTheChannel) {
    const std::size_t cowrie = subscriber("cowrie");
    const std::size_t dionaea = subscriber("dionaea");
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, publish("sensor", "dionaea", "d") + publish("sensor", "cowrie", "c") +
                           publish("sensor", "dionaea", "e"));
    EXPECT_EQ(engine.take_heard(cowrie), publish("sensor", "cowrie", "c"));
    EXPECT_EQ(engine.take_heard(dionaea),
              publish("sensor", "dionaea", "d") + publish("sensor", "dionaea", "e"));
}

TEST_F(ShardTest, EchoesToAPublisherThatSubscribed) {  // client-quirk 22
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, subscribe("sensor", "cowrie") + publish("sensor", "cowrie", "me"));
    EXPECT_EQ(engine.take_heard(sensor), publish("sensor", "cowrie", "me"));
}

TEST_F(ShardTest, DeliversOnceHoweverOftenOneSubscribed) {
    const std::size_t reader = subscriber("cowrie");
    engine.say(reader, subscribe("logger", "cowrie") + subscribe("logger", "cowrie"));
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, publish("sensor", "cowrie", "x"));
    EXPECT_EQ(engine.take_heard(reader), publish("sensor", "cowrie", "x"));
}

TEST_F(ShardTest, CarriesOutFramesTornAtEveryByte) {
    const std::size_t reader = subscriber("cowrie");
    const std::string stream =
        publish("sensor", "cowrie", "first") + publish("sensor", "dionaea", "second") +
        publish("sensor", "cowrie", std::string(300, 'x')) + publish("sensor", "cowrie", "");
    std::string wanted = stream;
    const std::string other = publish("sensor", "dionaea", "second");
    wanted.erase(wanted.find(other), other.size());
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
        const std::size_t sensor = engine.login("sensor");
        engine.say(sensor, stream.substr(0, cut));
        engine.say(sensor, stream.substr(cut));
        ASSERT_EQ(engine.take_heard(reader), wanted) << "cut at " << cut;
        engine.hang_up(sensor);
    }
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, stream, 1);
    EXPECT_EQ(engine.take_heard(reader), wanted) << "byte by byte";
}

TEST_F(ShardTest, InterleavesPublishersWithoutMixingThem) {
    const std::size_t reader = subscriber("cowrie");
    const std::size_t first = engine.login("sensor");
    const std::size_t second = engine.login("sensor");
    const std::string a = publish("sensor", "cowrie", std::string(1000, 'a'));
    const std::string b = publish("sensor", "cowrie", std::string(1000, 'b'));
    engine.say(first, a.substr(0, 500));
    engine.say(second, b.substr(0, 700));
    engine.say(first, a.substr(500));
    EXPECT_EQ(engine.take_heard(reader), a);
    engine.say(second, b.substr(700));
    EXPECT_EQ(engine.take_heard(reader), b);
}

TEST_F(ShardTest, ForwardsTheLargestFrame) {
    const std::size_t reader = subscriber("cowrie");
    const std::size_t sensor = engine.login("sensor");
    const std::size_t head = publish("sensor", "cowrie", "").size();
    const std::string largest =
        publish("sensor", "cowrie", std::string(wire::publish_frame_bytes_max - head, 'x'));
    engine.say(sensor, largest + publish("sensor", "cowrie", "after"));
    EXPECT_EQ(engine.take_heard(reader), largest + publish("sensor", "cowrie", "after"));
}

TEST_F(ShardTest, StopsDeliveringAfterUnsubscribe) {
    const std::size_t reader = subscriber("cowrie");
    const std::size_t sensor = engine.login("sensor");
    engine.say(reader, unsubscribe("logger", "cowrie"));
    engine.say(sensor, publish("sensor", "cowrie", "x"));
    EXPECT_EQ(engine.take_heard(reader), "");
}

TEST_F(ShardTest, CountsWhatItForwards) {
    const std::size_t reader = subscriber("cowrie");
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, publish("sensor", "cowrie", "12345") +
                           publish("sensor", "cowrie", std::string(2000, 'x')));
    const ChannelCounters* channel = engine.shard().counters().first_channel();
    while (channel && (channel->ident != "sensor" || channel->channel != "cowrie"))
        channel = channel->next;
    ASSERT_NE(channel, nullptr);
    EXPECT_EQ(channel->payload_bytes.value(), 2005U);
    EXPECT_EQ(channel->buckets[0].value(), 1U);
    EXPECT_EQ(channel->buckets[1].value(), 1U);
    const IdentCounters* logger = engine.shard().counters().first_ident();
    while (logger && logger->ident != "logger")
        logger = logger->next;
    ASSERT_NE(logger, nullptr);
    EXPECT_EQ(logger->send_buffer_fill.value(), 2005U);
    EXPECT_EQ(logger->send_buffer_drain.value(), engine.take_heard(reader).size());
    EXPECT_EQ(logger->send_buffer_bytes.value(), 0);
}

TEST_F(ShardTest, ForgetsEverythingOfAPeerThatLeft) {
    const std::size_t reader = subscriber("cowrie");
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, publish("sensor", "cowrie", "x"));
    engine.hang_up(sensor);
    engine.hang_up(reader);
    EXPECT_TRUE(engine.peer(reader).closed);
    EXPECT_EQ(engine.shard().session_count(), 0U);
    EXPECT_EQ(engine.shard().channels().count(), 0U);
    EXPECT_EQ(engine.shard().counters().shard.connections.value(), 0);
}

TEST_F(ShardTest, IgnoresMessagesForASessionWhosePlaceIsTakenAgain) {
    const std::size_t first = engine.login("sensor");
    const SessionId old = engine.peer(first).id;
    engine.hang_up(first);
    const std::size_t second = engine.login("sensor");
    ASSERT_EQ(engine.peer(second).id.index, old.index);
    ASSERT_NE(engine.peer(second).id.generation, old.generation);
    engine.shard().peer_closed(old, engine.now);
    engine.shard().sent(old, 5);
    engine.shard().account_found({old, AccountAnswer::Status::absent, nullptr}, engine.now);
    engine.settle();
    EXPECT_FALSE(engine.peer(second).closed);
    EXPECT_TRUE(engine.shard().read_room(old).empty());
    EXPECT_EQ(engine.shard().output(old), nullptr);
}

TEST_F(ShardTest, ATailThatWaitsPinsNoSharedSlab) {
    const std::size_t sensor = engine.login("sensor");
    engine.say(sensor, publish("sensor", "cowrie", "x").substr(0, 10));
    const std::size_t before = engine.budget().in_use_bytes();
    EXPECT_TRUE(engine.shard().sweep_torn_tails());
    EXPECT_FALSE(engine.shard().sweep_torn_tails());
    const std::size_t reader = subscriber("cowrie");
    engine.say(sensor, publish("sensor", "cowrie", "x").substr(10));
    EXPECT_EQ(engine.take_heard(reader), publish("sensor", "cowrie", "x"));
    EXPECT_LE(engine.budget().in_use_bytes(), before + bytes::small_slab_bytes);
}

}  // namespace
}  // namespace hpfeeds::core
