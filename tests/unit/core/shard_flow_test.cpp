// SPDX-License-Identifier: Apache-2.0
// Slow subscribers and scarce memory: marks, caps and policies.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;

Limits small_limits(SlowPolicy policy) {
    Limits limits;
    limits.slow_policy = policy;
    limits.slow_high_bytes = 100'000;
    limits.subscriber_bytes_max = 200'000;
    return limits;
}

struct Scene {
    explicit Scene(SlowPolicy policy, std::size_t memory_bytes_max = 512U << 20)
        : engine(small_limits(policy), 1, memory_bytes_max) {
        engine.add_account(account("sensor", {"chan"}, {"chan"}));
        slow = subscriber();
        healthy = subscriber();
        publisher = engine.login("sensor");
        engine.open(slow, 10);  // the middle of the first frame
    }
    std::size_t subscriber() {
        const std::size_t peer = engine.login("sensor");
        engine.say(peer, subscribe("sensor", "chan"));
        return peer;
    }
    static std::string frame(int number, std::size_t payload_bytes = 1000) {
        std::string payload = std::to_string(number) + ":";
        payload.resize(payload_bytes, 'x');
        return publish("sensor", "chan", payload);
    }
    // Publishes frames [from, to); the healthy reader must get every one.
    void publish_numbered(int from, int to, std::size_t payload_bytes = 1000) {
        for (int i = from; i < to; ++i) {
            engine.say(publisher, frame(i, payload_bytes));
            if (engine.shard().crowded())
                engine.advance(pace_window);  // the slow one is seen to be slow
            ASSERT_EQ(engine.take_heard(healthy), frame(i, payload_bytes)) << i;
        }
    }
    const IdentCounters& counters() {
        const IdentCounters* entry = engine.shard().counters().first_ident();
        while (entry->ident != "sensor")
            entry = entry->next;
        return *entry;
    }

    LoopbackEngine engine;
    std::size_t slow = 0;
    std::size_t healthy = 0;
    std::size_t publisher = 0;
};

// Splits what a peer heard into whole frames; fails when it does not end at a frame's end.
std::vector<std::string> frames_of(std::string_view heard) {
    std::vector<std::string> frames;
    while (!heard.empty()) {
        if (heard.size() < 5) {
            ADD_FAILURE() << "cut in the middle of a frame (client-quirk 21)";
            break;
        }
        const std::size_t length = wire::read_u32(reinterpret_cast<const std::byte*>(heard.data()));
        if (length < 5 || length > heard.size()) {
            ADD_FAILURE() << "cut in the middle of a frame (client-quirk 21)";
            break;
        }
        frames.emplace_back(heard.substr(0, length));
        heard.remove_prefix(length);
    }
    return frames;
}

TEST(ShardFlow, CutsASlowSubscriberAtTheDeadline) {
    Scene scene(SlowPolicy::disconnect);
    scene.publish_numbered(0, 120);
    EXPECT_EQ(scene.counters().deadline_start.value(), 1U);
    scene.engine.advance(59'999ms);
    EXPECT_FALSE(scene.engine.peer(scene.slow).goodbye);
    scene.engine.advance(1ms);
    scene.engine.open(scene.slow);
    const auto heard = frames_of(scene.engine.take_heard(scene.slow));
    ASSERT_EQ(heard.size(), 121U);
    EXPECT_EQ(heard.front(), Scene::frame(0));
    EXPECT_EQ(heard[119], Scene::frame(119));
    EXPECT_EQ(heard.back(), error("Backpressure deadline timer expired")) << "behind the backlog";
    EXPECT_TRUE(scene.engine.peer(scene.slow).goodbye);
}

TEST(ShardFlow, ASlowReaderThatLogsInAgainIsCutNoLater) {
    Scene scene(SlowPolicy::disconnect);
    scene.publish_numbered(0, 120);
    scene.engine.advance(59s);
    scene.engine.say(scene.slow, auth("sensor", "secret", {}));
    scene.publish_numbered(120, 121);
    EXPECT_EQ(scene.counters().deadline_start.value(), 1U);
    scene.engine.advance(999ms);
    EXPECT_FALSE(scene.engine.peer(scene.slow).goodbye);
    scene.engine.advance(1ms);
    scene.engine.open(scene.slow);
    EXPECT_TRUE(scene.engine.take_heard(scene.slow)
                    .ends_with(error("Backpressure deadline timer expired")));
    EXPECT_TRUE(scene.engine.peer(scene.slow).goodbye);
}

TEST(ShardFlow, ASlowReaderMayRecoverWhileItsNextLoginIsVerified) {
    Scene scene(SlowPolicy::disconnect);
    scene.publish_numbered(0, 120);
    scene.engine.hold_lookups = true;
    scene.engine.say(scene.slow, auth("sensor", "secret", {}));
    scene.engine.open(scene.slow);
    EXPECT_EQ(scene.counters().deadline_recover.value(), 1U);
    scene.engine.answer_lookups();
    scene.engine.advance(60s);
    EXPECT_FALSE(scene.engine.peer(scene.slow).goodbye);
}

TEST(ShardFlow, CutsAPeerThatDoesNotEvenReadItsError) {
    Scene scene(SlowPolicy::disconnect);
    scene.publish_numbered(0, 120);
    scene.engine.advance(60s);
    scene.engine.advance(linger_slow);
    EXPECT_TRUE(scene.engine.peer(scene.slow).closed);
    EXPECT_EQ(scene.counters().send_buffer_bytes.value(), 0);
    // Ten bytes of the first message went out; the ERROR is no message.
    EXPECT_EQ(scene.counters().discarded_frames.value(), 120U);
    std::size_t unsent = 0;
    for (int i = 0; i < 120; ++i)
        unsent += Scene::frame(i).size();
    EXPECT_EQ(scene.counters().discarded_bytes.value(), unsent - 10);
}

TEST(ShardFlow, CountsWhatAPeerThatLeavesHasNotRead) {
    Scene scene(SlowPolicy::drop_newest);
    scene.publish_numbered(0, 50);
    scene.engine.break_output(scene.slow);
    EXPECT_EQ(scene.counters().discarded_frames.value(), 50U);
    EXPECT_EQ(scene.counters().dropped_frames.value(), 0U);
}

TEST(ShardFlow, LetsASubscriberRecoverBelowTheLowMark) {
    Scene scene(SlowPolicy::disconnect);
    scene.publish_numbered(0, 120);
    scene.engine.advance(30s);
    scene.engine.open(scene.slow, 70'000);  // still above a quarter of the high mark
    EXPECT_EQ(scene.counters().deadline_recover.value(), 0U);
    scene.engine.open(scene.slow);
    EXPECT_EQ(scene.counters().deadline_recover.value(), 1U);
    scene.engine.advance(60s);
    EXPECT_FALSE(scene.engine.peer(scene.slow).goodbye);
    EXPECT_EQ(frames_of(scene.engine.take_heard(scene.slow)).size(), 120U) << "nothing was lost";
}

TEST(ShardFlow, DoesNotGrowPastTheHardCapDuringTheDeadline) {
    Scene scene(SlowPolicy::disconnect);
    scene.publish_numbered(0, 400);  // twice the cap
    EXPECT_EQ(scene.engine.incidents().back().reason, CloseReason::slow_bytes);
    scene.engine.open(scene.slow);
    const auto heard = frames_of(scene.engine.take_heard(scene.slow));
    EXPECT_LE(heard.size(), 200U);
    EXPECT_EQ(heard.back(), error("Backpressure deadline timer expired"));
    EXPECT_EQ(scene.counters().discarded_frames.value(), 1U) << "the one that did not fit";
}

TEST(ShardFlow, DropsTheNewestForThatSubscriberAlone) {  // client-quirk 18
    Scene scene(SlowPolicy::drop_newest);
    scene.publish_numbered(0, 400);
    scene.engine.advance(24h);
    scene.engine.open(scene.slow);
    const auto heard = frames_of(scene.engine.take_heard(scene.slow));
    ASSERT_GT(heard.size(), 100U);
    for (std::size_t i = 0; i < heard.size(); ++i)
        ASSERT_EQ(heard[i], Scene::frame(static_cast<int>(i)));
    EXPECT_EQ(scene.counters().dropped_frames.value(), 400 - heard.size());
    EXPECT_FALSE(scene.engine.peer(scene.slow).goodbye) << "it is never cut";
    scene.publish_numbered(400, 401);
    EXPECT_EQ(scene.engine.take_heard(scene.slow), Scene::frame(400))
        << "it goes on when it reads again";
}

TEST(ShardFlow, DropsTheOldestForThatSubscriberAlone) {
    Scene scene(SlowPolicy::drop_oldest);
    scene.publish_numbered(0, 400);
    scene.engine.open(scene.slow);
    const auto heard = frames_of(scene.engine.take_heard(scene.slow));
    ASSERT_GT(heard.size(), 100U);
    EXPECT_EQ(heard.front(), Scene::frame(0)) << "it was under way";
    for (std::size_t i = 1; i < heard.size(); ++i)
        ASSERT_EQ(heard[heard.size() - i], Scene::frame(static_cast<int>(400 - i)));
    EXPECT_EQ(scene.counters().dropped_frames.value(), 400 - heard.size());
    EXPECT_EQ(scene.counters().send_buffer_bytes.value(), 0);
}

TEST(ShardFlow, TellsOnceThatItDrops) {
    Scene scene(SlowPolicy::drop_newest);
    scene.publish_numbered(0, 400);
    std::size_t told = 0;
    for (const Incident& incident : scene.engine.incidents())
        told += incident.kind == Incident::Kind::frames_dropped;
    EXPECT_EQ(told, 1U);
}

TEST(ShardFlow, StillReadsFromASubscriberWhoseOutputIsFull) {  // client-quirk 20
    Scene scene(SlowPolicy::drop_newest);
    scene.publish_numbered(0, 400);
    scene.engine.say(scene.slow, Scene::frame(7));
    EXPECT_EQ(scene.engine.take_heard(scene.healthy), Scene::frame(7));
}

TEST(ShardFlow, TakesMemoryFromWhoHoldsTheMost) {
    for (const auto policy :
         {SlowPolicy::disconnect, SlowPolicy::drop_newest, SlowPolicy::drop_oldest}) {
        SCOPED_TRACE(static_cast<int>(policy));
        constexpr std::size_t memory = 1'000'000;
        Limits limits = small_limits(policy);
        limits.slow_high_bytes = 100'000'000;
        limits.subscriber_bytes_max = 100'000'000;
        LoopbackEngine engine(limits, 1, memory);
        engine.add_account(account("sensor", {"chan", "rare"}, {"chan", "rare"}));
        const std::size_t slow = engine.login("sensor");
        engine.say(slow, subscribe("sensor", "chan"));
        engine.open(slow, 10);
        const std::size_t little = engine.login("sensor");
        engine.say(little, subscribe("sensor", "rare"));
        engine.open(little, 0);
        const std::size_t publisher = engine.login("sensor");
        engine.say(publisher, publish("sensor", "rare", "kept"));
        for (int i = 0; i < 5'000; ++i) {
            engine.say(publisher, Scene::frame(i));
            if (engine.shard().crowded()) engine.advance(pace_window);
            ASSERT_LE(engine.budget().in_use_bytes(), memory + 2 * bytes::slab_bytes);
        }
        engine.open(little);
        EXPECT_EQ(engine.take_heard(little), publish("sensor", "rare", "kept"))
            << "who holds little keeps it";
        engine.open(slow);
        const auto heard = frames_of(engine.take_heard(slow));
        if (policy == SlowPolicy::disconnect)
            EXPECT_EQ(heard.back(), error("Backpressure deadline timer expired"));
        else
            EXPECT_FALSE(engine.peer(slow).goodbye);
    }
}

TEST(ShardFlow, ClosesWhoHoardsLargeFramesThatNeverEnd) {
    constexpr std::size_t memory = 4U << 20;
    LoopbackEngine engine({}, 1, memory);
    engine.add_account(account("sensor", {"chan"}, {"chan"}));
    const std::string begun = publish("sensor", "chan", std::string(1'000'000, 'x')).substr(0, 100);
    for (int i = 0; i < 100; ++i) {
        const std::size_t peer = engine.login("sensor");
        engine.say(peer, begun);
        engine.say(peer, "more");
        ASSERT_LE(engine.budget().in_use_bytes(), memory + (2U << 20));
    }
}

// Found by the simulation: the gauge kept the beginning of the frame for ever.
TEST(ShardFlow, ForgetsAlsoInTheGaugeWhatItThrowsAwayForWantOfMemory) {
    LoopbackEngine engine({}, 1, 4U << 20);
    engine.add_account(account("sensor", {"chan"}, {"chan"}));
    const std::string begun = publish("sensor", "chan", std::string(1'000'000, 'x')).substr(0, 100);
    for (int i = 0; i < 10; ++i) {
        const std::size_t peer = engine.login("sensor");
        engine.say(peer, begun);
        engine.say(peer, "more");
    }
    EXPECT_GT(engine.shard()
                  .counters()
                  .shard.closed[static_cast<std::size_t>(CloseReason::memory)]
                  .value(),
              0U);
    for (std::size_t peer = 0; peer < engine.peer_count(); ++peer)
        engine.hang_up(peer);
    const IdentCounters* entry = engine.shard().counters().first_ident();
    while (entry->ident != "sensor")
        entry = entry->next;
    EXPECT_EQ(engine.shard().session_count(), 0U);
    EXPECT_EQ(entry->receive_buffer_bytes.value(), 0);
}

TEST(ShardFlow, ALateReaderOfLittlePinsNoSlabs) {
    Limits limits;
    LoopbackEngine engine(limits);
    engine.add_account(account("sensor", {"busy", "rare"}, {"busy", "rare"}));
    const std::size_t late = engine.login("sensor");
    engine.say(late, subscribe("sensor", "rare"));
    engine.open(late, 0);
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, publish("sensor", "rare", "first"));  // the queue is late from here on
    for (int i = 0; i < 200; ++i)
        engine.say(publisher, publish("sensor", "rare", "x") +
                                  publish("sensor", "busy", std::string(40'000, 'y')));
    EXPECT_LT(engine.budget().in_use_bytes(), 5 * bytes::slab_bytes);
}

// What was to be sent in this turn may be taken away before it is: the next message still goes out.
TEST(ShardFlow, AReaderThatLostAllForWantOfMemoryHearsWhatComesNext) {
    Limits limits;
    limits.slow_policy = SlowPolicy::drop_oldest;
    LoopbackEngine engine(limits, 1, 400'000);
    engine.add_account(account("sensor", {"chan"}, {"chan"}));
    const std::size_t reader = engine.login("sensor");
    engine.say(reader, subscribe("sensor", "chan"));
    const std::size_t publisher = engine.login("sensor");
    (void)engine.take_heard(reader);
    const std::string large = publish("sensor", "chan", std::string(500'000, 'x'));
    engine.say(publisher, large);
    EXPECT_EQ(engine.take_heard(reader), "");
    engine.say(publisher, publish("sensor", "chan", "next"));
    EXPECT_EQ(engine.take_heard(reader), publish("sensor", "chan", "next"));
}

// Subscribers that do not read, and a publisher whose reads bring now a little, now much.
struct Stalled {
    explicit Stalled(int count) {
        engine.add_account(account("sensor", {"chan"}, {"chan"}));
        for (int i = 0; i < count; ++i) {
            const std::size_t peer = engine.login("sensor");
            engine.say(peer, subscribe("sensor", "chan"));
            engine.open(peer, 0);
        }
        const std::size_t publisher = engine.login("sensor");
        for (unsigned i = 0; queued_bytes < 16U << 20; ++i) {
            std::string frames;
            for (unsigned each = 0; each < i % 23 + 1; ++each)
                frames += Scene::frame(static_cast<int>(i), 500 + 97 * (i % 13));
            queued_bytes += frames.size();
            engine.say(publisher, frames);
            if (engine.shard().crowded()) engine.advance(pace_window);
        }
    }
    LoopbackEngine engine{Limits{}};
    std::size_t queued_bytes = 0;
};

TEST(ShardFlow, WhatAStalledSubscriberHasQueuedTakesHardlyMoreMemory) {
    Stalled scene(1);
    EXPECT_LT(scene.engine.budget().in_use_bytes(), scene.queued_bytes * 110 / 100);
}

TEST(ShardFlow, ManyStalledSubscribersShareWhatTheyWaitFor) {
    Stalled scene(20);
    EXPECT_LT(scene.engine.budget().in_use_bytes(), 20 * scene.queued_bytes / 3);
}

}  // namespace
}  // namespace hpfeeds::core
