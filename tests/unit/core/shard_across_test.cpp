// SPDX-License-Identifier: Apache-2.0
// Listeners on other shards.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;

class ShardAcrossTest : public ::testing::Test {
protected:
    ShardAcrossTest() { engine.add_account(account("sensor", {"a", "b"}, {"a", "b"})); }
    std::size_t subscriber(unsigned shard, std::string_view channel) {
        const std::size_t peer = engine.login("sensor", shard);
        engine.say(peer, subscribe("sensor", channel));
        return peer;
    }
    LoopbackEngine engine{{}, 3};
};

TEST_F(ShardAcrossTest, ReachesEveryListenerOnce) {
    const std::size_t first = subscriber(0, "a");
    const std::size_t second = subscriber(1, "a");
    const std::size_t third = subscriber(2, "a");
    const std::size_t fourth = subscriber(2, "a");
    const std::size_t deaf = subscriber(1, "b");
    const std::size_t publisher = engine.login("sensor", 1);
    engine.say(publisher, publish("sensor", "a", "x") + publish("sensor", "a", "y"));
    for (const std::size_t peer : {first, second, third, fourth})
        EXPECT_EQ(engine.take_heard(peer),
                  publish("sensor", "a", "x") + publish("sensor", "a", "y"));
    EXPECT_EQ(engine.take_heard(deaf), "");
}

TEST_F(ShardAcrossTest, KeepsTheOrderOfOnePublisherOverItsChannels) {
    const std::size_t reader = subscriber(1, "a");
    engine.say(reader, subscribe("sensor", "b"));
    const std::size_t publisher = engine.login("sensor", 0);
    std::string all;
    for (int i = 0; i < 100; ++i)
        all += publish("sensor", i % 3 ? "a" : "b", std::to_string(i));
    engine.say(publisher, all, 37);
    EXPECT_EQ(engine.take_heard(reader), all);
}

TEST_F(ShardAcrossTest, ForwardsNothingWhenNobodyListensThere) {
    const std::size_t reader = subscriber(1, "a");
    const std::size_t publisher = engine.login("sensor", 0);
    engine.say(publisher, publish("sensor", "a", "x"));
    EXPECT_EQ(engine.shard(0).counters().shard.forwarded_runs.value(), 1U);
    engine.say(reader, unsubscribe("sensor", "a"));
    engine.say(publisher, publish("sensor", "a", "x"));
    engine.say(publisher, publish("sensor", "b", "x"));
    EXPECT_EQ(engine.shard(0).counters().shard.forwarded_runs.value(), 1U);
}

TEST_F(ShardAcrossTest, ForgetsChannelsThatNobodyNeeds) {
    const std::size_t reader = subscriber(1, "a");
    EXPECT_EQ(engine.shard(0).channels().count(), 1U);
    engine.hang_up(reader);
    for (unsigned i = 0; i < 3; ++i)
        EXPECT_EQ(engine.shard(i).channels().count(), 0U);
}

}  // namespace
}  // namespace hpfeeds::core
