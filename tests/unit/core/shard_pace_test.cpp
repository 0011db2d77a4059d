// SPDX-License-Identifier: Apache-2.0
// Publishers wait, for moments, for readers that keep up; never for one that stands still.
#include "core/shard.hpp"
#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;

class ShardPaceTest : public ::testing::Test {
protected:
    ShardPaceTest() {
        engine.add_account(account("sensor", {"chan"}, {"chan"}));
        reader = engine.login("sensor");
        engine.say(reader, subscribe("sensor", "chan"));
        publisher = engine.login("sensor");
        engine.say(publisher, frame);
        engine.take_heard(reader);
    }
    void queue(std::size_t bytes) {
        for (std::size_t queued = 0; queued <= bytes; queued += frame.size())
            engine.say(publisher, frame);
    }
    // Queues more than crowding_bytes for the reader, who takes a little, and nothing for now.
    void crowd() {
        engine.open(reader, 0);
        queue(crowding_bytes);
        engine.open(reader, 1'000);
        engine.say(publisher, frame);
        ASSERT_TRUE(engine.shard().crowded());
    }
    [[nodiscard]] bool publisher_is_read() {
        return engine.shard().wants_reading(engine.peer(publisher).id) &&
               engine.shard().admits(engine.peer(publisher).id, engine.now);
    }

    std::string frame = publish("sensor", "chan", std::string(50'000, 'x'));
    LoopbackEngine engine;
    std::size_t reader = 0;
    std::size_t publisher = 0;
};

TEST_F(ShardPaceTest, APublisherWaitsForAReaderThatKeepsUp) {
    crowd();
    EXPECT_FALSE(publisher_is_read());
    engine.open(reader);
    engine.advance(1ms);
    EXPECT_TRUE(publisher_is_read()) << "it has caught up";
}

// A socket that nobody means to read is not watched: its bytes would wake the engine again and
// again.
TEST_F(ShardPaceTest, APublisherThatWaitsIsNotWatched) {
    crowd();
    const SessionId id = engine.peer(publisher).id;
    EXPECT_TRUE(engine.shard().wants_reading(id));
    engine.shard().effects().reading.clear();
    EXPECT_FALSE(engine.shard().admits(id, engine.now));
    EXPECT_FALSE(engine.shard().wants_reading(id));
    EXPECT_EQ(engine.shard().effects().reading, std::vector{id});
    EXPECT_FALSE(engine.shard().admits(id, engine.now)) << "asked twice, it waits once";
    EXPECT_EQ(engine.shard().effects().reading, std::vector{id});
    engine.advance(deferral);
    EXPECT_TRUE(engine.shard().wants_reading(id));
}

TEST_F(ShardPaceTest, NeverLongerThanTheDeferral) {
    crowd();
    for (int i = 0; i < 20; ++i) {
        EXPECT_FALSE(publisher_is_read());
        engine.open(reader, 24'000);  // takes enough to be waited for
        engine.say(publisher, frame.substr(0, 10));
        engine.advance(deferral);
        engine.say(publisher, frame.substr(10));
    }
    EXPECT_TRUE(engine.shard().crowded());
}

TEST_F(ShardPaceTest, ReadsOnlyALittleMeanwhile) {
    crowd();
    EXPECT_FALSE(publisher_is_read());
    engine.open(reader, 100'000);
    engine.advance(deferral);
    EXPECT_LE(engine.shard().read_room(engine.peer(publisher).id).size(), deferred_read_bytes_max);
}

TEST_F(ShardPaceTest, NobodyWaitsForAReaderThatStandsStillWhileOthersRead) {
    const std::size_t other = engine.login("sensor");
    engine.say(other, subscribe("sensor", "chan"));
    crowd();
    EXPECT_FALSE(publisher_is_read());
    engine.advance(deferral);
    engine.say(publisher, frame);
    engine.advance(pace_window);
    EXPECT_FALSE(engine.shard().crowded());
    EXPECT_TRUE(publisher_is_read());
    for (int i = 0; i < 100; ++i)
        engine.say(publisher, frame);
    EXPECT_FALSE(engine.shard().crowded()) << "for as long as it does";
    engine.open(reader, 600'000);
    engine.advance(1ms);
    engine.say(publisher, frame);
    EXPECT_TRUE(engine.shard().crowded()) << "it has found its pace";
}

TEST_F(ShardPaceTest, NobodyWaitsForAReaderThatTakesNothingAndIsKnownToBeSlowInTime) {
    const std::size_t other = engine.login("sensor");
    engine.say(other, subscribe("sensor", "chan"));
    engine.open(reader, 0);
    queue(crowding_bytes);
    EXPECT_FALSE(engine.shard().crowded());
    engine.advance(pace_window);
    engine.say(publisher, frame);
    queue(doubted_bytes);
    EXPECT_FALSE(engine.shard().crowded()) << "it stands still";
    EXPECT_TRUE(publisher_is_read());
}

TEST_F(ShardPaceTest, APublisherWaitsWhenTooMuchIsQueuedForOneThatMayStandStill) {
    const std::size_t other = engine.login("sensor");
    engine.say(other, subscribe("sensor", "chan"));
    engine.open(reader, 0);
    queue(doubted_bytes + frame.size());
    EXPECT_TRUE(engine.shard().crowded());
    EXPECT_FALSE(publisher_is_read());
    engine.advance(pace_window);
    EXPECT_FALSE(engine.shard().crowded());
}

TEST_F(ShardPaceTest, WhereNobodyReadsItIsTheMachineForAWhile) {
    crowd();
    engine.advance(pace_window_max - 1ms);
    EXPECT_TRUE(engine.shard().crowded());
    engine.advance(1ms);
    EXPECT_FALSE(engine.shard().crowded()) << "it stands still after all";
}

TEST_F(ShardPaceTest, NobodyWaitsForAReaderThatCouldNotCatchUp) {
    crowd();
    engine.open(reader, 2'000);  // 20 KB/s, with a megabyte queued
    engine.advance(pace_window);
    EXPECT_FALSE(engine.shard().crowded());
}

TEST_F(ShardPaceTest, APeerThatOnlySubscribesIsAlwaysRead) {
    crowd();
    EXPECT_TRUE(engine.shard().admits(engine.peer(reader).id, engine.now));
}

TEST_F(ShardPaceTest, WaitsForReadersOfOtherShardsToo) {
    EXPECT_TRUE(publisher_is_read());
    engine.shard().others_crowded(true);
    EXPECT_FALSE(publisher_is_read());
    engine.advance(deferral);
    EXPECT_TRUE(publisher_is_read()) << "a little, after the deferral";
    engine.shard().others_crowded(false);
    engine.advance(0ms);
    EXPECT_TRUE(publisher_is_read());
}

}  // namespace
}  // namespace hpfeeds::core
