// SPDX-License-Identifier: Apache-2.0
// What an exposed broker bounds for one ident and one address, across shards.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;

class IdentPlacesTest : public ::testing::Test {
protected:
    IdentPlacesTest() {
        engine.add_account(account("sensor", {"chan"}, {"chan"}));
        engine.add_account(account("other", {"chan"}, {"chan"}));
    }
    static ShardOptions options(PlaceTable& places) {
        ShardOptions made;
        made.ident_places = &places;
        return made;
    }
    std::uint64_t closed(unsigned shard = 0) {
        return engine.shard(shard)
            .counters()
            .shard.closed[static_cast<std::size_t>(CloseReason::ident_full)]
            .value();
    }
    void expect_ready(std::size_t peer) {
        engine.say(peer, subscribe("x", "chan"));
        EXPECT_FALSE(engine.peer(peer).goodbye);
    }
    // It was told, after the pause of a failed login, and is gone.
    void expect_refused(std::size_t peer) {
        EXPECT_EQ(engine.take_heard(peer), "") << "client-quirk 10: not at once";
        engine.advance(1s);
        EXPECT_EQ(engine.take_heard(peer), error("Too many connections for sensor"));
        EXPECT_TRUE(engine.peer(peer).goodbye);
        EXPECT_EQ(engine.incidents().back().reason, CloseReason::ident_full);
        EXPECT_EQ(engine.incidents().back().ident, "sensor");
    }

    PlaceTable places{100, 2};
    LoopbackEngine engine{{}, 2, 512U << 20, options(places)};
};

TEST_F(IdentPlacesTest, AreCountedInAllShards) {
    expect_ready(engine.login("sensor", 0));
    expect_ready(engine.login("sensor", 1));
    expect_refused(engine.login("sensor", 0));
    EXPECT_EQ(closed(), 1U);
    expect_refused(engine.login("sensor", 1));
    EXPECT_EQ(closed(1), 1U);
    expect_ready(engine.login("other", 0));
}

TEST_F(IdentPlacesTest, AreGivenBackWithTheConnection) {
    const std::size_t first = engine.login("sensor", 0);
    expect_ready(engine.login("sensor", 1));
    engine.hang_up(first);
    expect_ready(engine.login("sensor", 0));
    expect_refused(engine.login("sensor", 0));
}

TEST_F(IdentPlacesTest, AreKeptByWhoLogsInAnew) {
    const std::size_t first = engine.login("sensor", 0);
    expect_ready(engine.login("sensor", 1));
    engine.say(first, auth("sensor", "secret", {}));
    expect_ready(first);
}

TEST_F(IdentPlacesTest, GoToTheIdentThatTakesTheConnectionOver) {
    const std::size_t first = engine.login("sensor", 0);
    expect_ready(engine.login("sensor", 1));
    engine.say(first, auth("other", "secret", {}));
    expect_ready(first);
    expect_ready(engine.login("sensor", 0));
}

TEST_F(IdentPlacesTest, AreNotTakenByAWrongSecret) {
    for (int i = 0; i < 5; ++i) {
        const std::size_t peer = engine.connect();
        engine.say(peer, auth("sensor", "wrong", {}));
    }
    expect_ready(engine.login("sensor", 0));
    expect_ready(engine.login("sensor", 1));
}

class FailedLoginsOfShardsTest : public ::testing::Test {
protected:
    FailedLoginsOfShardsTest() { engine.add_account(account("sensor", {"chan"}, {"chan"})); }
    static ShardOptions options(FailedLogins& table) {
        ShardOptions made;
        made.failed_logins = &table;
        return made;
    }
    std::size_t connect(std::uint64_t origin, unsigned shard = 0) {
        const std::size_t peer = engine.connect(shard);
        engine.shard(shard).set_origin(engine.peer(peer).id, origin);
        engine.take_heard(peer);
        return peer;
    }
    std::size_t fail(std::uint64_t origin, unsigned shard = 0) {
        const std::size_t peer = connect(origin, shard);
        engine.say(peer, auth("sensor", "wrong", {}) + "what waits behind it");
        return peer;
    }
    void expect_answered_after(std::size_t peer, std::chrono::seconds wait) {
        if (wait > 1s) engine.advance(wait - 1s);
        engine.advance(999ms);
        EXPECT_EQ(engine.take_heard(peer), "") << wait.count();
        engine.advance(1ms);
        EXPECT_EQ(engine.take_heard(peer), error("Authentication failed for sensor"));
        EXPECT_TRUE(engine.peer(peer).goodbye);
    }

    FailedLogins table;
    LoopbackEngine engine{{}, 2, 512U << 20, options(table)};
};

TEST_F(FailedLoginsOfShardsTest, WaitLongerTheMoreThereAre) {
    const std::size_t first = fail(7, 0);
    const std::size_t second = fail(7, 1);
    const std::size_t third = fail(7, 0);
    expect_answered_after(first, 1s);
    expect_answered_after(second, 1s);
    expect_answered_after(third, 2s);  // it owed three, and waits for four
    EXPECT_EQ(engine.shard(0).counters().shard.failed_logins_slowed.value(), 1U);
    EXPECT_EQ(engine.shard(1).counters().shard.failed_logins_slowed.value(), 1U);
}

TEST_F(FailedLoginsOfShardsTest, WaitNoLongerThanTheLongestPause) {
    std::size_t last = 0;
    for (int i = 0; i < 100; ++i)
        last = fail(7);
    expect_answered_after(last, 32s);
}

TEST_F(FailedLoginsOfShardsTest, DoNotHinderAnotherAddressNorARightLogin) {
    for (int i = 0; i < 100; ++i)
        (void)fail(7);
    expect_answered_after(fail(8), 1s);
    const std::size_t right = connect(7);
    engine.say(right, auth("sensor", "secret", {}) + subscribe("sensor", "chan"));
    engine.say(right, publish("sensor", "chan", "x"));
    EXPECT_NE(engine.take_heard(right).find(publish("sensor", "chan", "x")), std::string::npos);
}

TEST_F(FailedLoginsOfShardsTest, OfNoKnownAddressWaitForOnePause) {
    for (int i = 0; i < 10; ++i)
        (void)fail(0);
    expect_answered_after(fail(0), 1s);
}

TEST_F(FailedLoginsOfShardsTest, CountForTheAddressThatIsKnownLater) {
    (void)fail(7);
    const std::size_t peer = connect(8);
    engine.shard().set_origin(engine.peer(peer).id, 7);
    engine.say(peer, auth("sensor", "wrong", {}));
    expect_answered_after(peer, 2s);
}

// It is not their fault.
TEST_F(FailedLoginsOfShardsTest, OfAStoreThatIsOutAreNotTheirAddresss) {
    engine.store_fails_with = AccountAnswer::Status::unavailable;
    std::size_t last = 0;
    for (int i = 0; i < 10; ++i)
        last = fail(7);
    expect_answered_after(last, 1s);
}

TEST_F(FailedLoginsOfShardsTest, HoldNoMessageMemoryWhileTheyWait) {
    (void)fail(7);
    const std::size_t before = engine.budget().in_use_bytes();
    for (int i = 0; i < 500; ++i)
        (void)fail(7);
    // INFO frames share their slabs; beside them there is nothing.
    EXPECT_LE(engine.budget().in_use_bytes(), before + 2 * bytes::slab_bytes);
}

class RatedPublishersTest : public ::testing::Test {
protected:
    static constexpr std::uint64_t frames_per_second = 10;

    RatedPublishersTest() {
        engine.add_account(account("sensor", {"chan"}, {}));
        engine.add_account(account("other", {"chan"}, {}));
        engine.add_account(account("reader", {}, {"chan"}));
        reader = engine.login("reader", 1);
        engine.say(reader, subscribe("reader", "chan"));
    }
    ShardOptions options() {
        ShardOptions made;
        made.ident_places = &places;
        made.publish_rates = &rates;
        return made;
    }
    // How many of these frames the reader has heard since it was asked last.
    std::size_t heard() { return engine.take_heard(reader).size() / frame.size(); }
    void pass(std::chrono::milliseconds time) {
        for (std::chrono::milliseconds step{0}; step < time; step += 10ms)
            engine.advance(10ms);
    }
    void set_rate(std::uint64_t per_second) {
        rates.set(per_second, 0);
        for (const unsigned shard : {0U, 1U})
            engine.shard(shard).retune(Limits{}, false);
        engine.settle();
    }
    std::string frames(std::size_t count) const {
        std::string all;
        for (; count > 0; --count)
            all += frame;
        return all;
    }

    const std::string frame = publish("sensor", "chan", std::string(500, 'x'));
    PlaceTable places{100, 0};
    PublishRates rates{places.entry_count(), frames_per_second, 0};
    LoopbackEngine engine{{}, 2, 512U << 20, options()};
    std::size_t reader = 0;
};

TEST_F(RatedPublishersTest, AreReadFromAtTheirPaceAndLoseNothing) {
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(100));
    // One second's worth, one slice, and what one read brought.
    const std::size_t over = 2 + rated_read_bytes_min / frame.size();
    std::size_t all = heard();
    EXPECT_GE(all, frames_per_second);
    EXPECT_LE(all, frames_per_second + over);
    for (int seconds = 1; seconds <= 5; ++seconds) {
        pass(1s);
        all += heard();
        const auto due = frames_per_second * (1 + static_cast<std::size_t>(seconds));
        EXPECT_LE(all, due + over) << seconds;
        EXPECT_GE(all + over, due) << seconds;
    }
    pass(10s);
    all += heard();
    EXPECT_EQ(all, 100U);
    EXPECT_FALSE(engine.peer(publisher).goodbye);
}

TEST_F(RatedPublishersTest, ShareTheRateOfTheirIdentOverAllShards) {
    constexpr std::size_t publishers = 6;
    for (std::size_t i = 0; i < publishers; ++i)
        engine.say(engine.login("sensor", i % 2), frames(100));
    const std::size_t over = publishers * (2 + rated_read_bytes_min / frame.size());
    std::size_t all = heard();
    pass(20s);
    all += heard();
    EXPECT_LE(all, frames_per_second * 21 + over);
    EXPECT_GE(all + over, frames_per_second * 21);
}

TEST_F(RatedPublishersTest, DoNotHinderAnotherIdent) {
    engine.say(engine.login("sensor"), frames(100));
    (void)heard();
    const std::size_t other = engine.login("other");
    engine.say(other, publish("other", "chan", "at once"));
    EXPECT_EQ(engine.take_heard(reader), publish("other", "chan", "at once"));
}

TEST_F(RatedPublishersTest, GainNothingByConnectingAnew) {
    std::size_t all = 0;
    for (int i = 0; i < 20; ++i) {
        const std::size_t publisher = engine.login("sensor");
        engine.say(publisher, frames(1));
        all += heard();
        engine.hang_up(publisher);
        const std::size_t pipelining = engine.connect();
        engine.say(pipelining, auth("sensor", "secret", {}) + frames(1));
        all += heard();
        engine.hang_up(pipelining);
    }
    pass(3s);
    all += heard();
    // What had come is carried out (client-quirk 7); the ident pays for it later.
    EXPECT_EQ(all, 40U);
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(1));
    pass(10ms);
    engine.say(publisher, frames(8));
    EXPECT_LT(heard(), 9U);
}

TEST_F(RatedPublishersTest, AreCountedAndTheLogIsToldOnce) {
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(60));
    pass(6s);
    const IdentCounters* counters = engine.shard().counters().first_ident();
    while (counters->ident != "sensor")
        counters = counters->next;
    EXPECT_GT(counters->publish_pauses.value(), 5U);
    EXPECT_GT(counters->publish_paused_ms.value(), 3'000U);
    std::size_t told = 0;
    for (const Incident& incident : engine.incidents())
        if (incident.kind == Incident::Kind::publisher_paused) ++told;
    EXPECT_EQ(told, 1U);
}

// One that is closed while it waits is read from again, and what comes is thrown away.
TEST_F(RatedPublishersTest, CanBeClosedWhileTheyWait) {
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(100));
    engine.shard().close_all(engine.now);
    engine.settle();
    EXPECT_TRUE(engine.peer(publisher).closed);
    pass(2s);
}

TEST_F(RatedPublishersTest, NeedNotWaitOnceTheBoundIsGone) {
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(100));
    const std::size_t before = heard();
    EXPECT_LT(before, 100U);
    set_rate(0);
    EXPECT_EQ(before + heard(), 100U);
    engine.say(publisher, frames(1'000));
    EXPECT_EQ(heard(), 1'000U);
}

TEST_F(RatedPublishersTest, AreBoundByARateThatComesLater) {
    set_rate(0);
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(100));
    EXPECT_EQ(heard(), 100U);
    set_rate(20);
    engine.say(publisher, frames(100));
    const std::size_t over = 2 + rated_read_bytes_min / frame.size();
    std::size_t all = heard();
    EXPECT_GE(all, 20U);
    EXPECT_LE(all, 20 + over);
    pass(1s);
    all += heard();
    EXPECT_GE(all + over, 40U);
    EXPECT_LE(all, 40 + over);
}

// A reload of something else gives nobody a second's worth anew.
TEST_F(RatedPublishersTest, KeepWaitingWhenOtherLimitsChange) {
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, frames(100));
    (void)heard();
    set_rate(frames_per_second);
    EXPECT_EQ(heard(), 0U);
}

// A message larger than a second's worth comes in pieces, and all of it in the end.
TEST(RatedBytes, LetALargeMessageThroughAtTheirPace) {
    PlaceTable places(100, 0);
    PublishRates rates(places.entry_count(), 0, 10'000);
    ShardOptions options;
    options.ident_places = &places;
    options.publish_rates = &rates;
    LoopbackEngine engine({}, 1, 512U << 20, options);
    engine.add_account(account("sensor", {"chan"}, {"chan"}));
    const std::size_t listener = engine.login("sensor");
    engine.say(listener, subscribe("sensor", "chan"));
    const std::size_t publisher = engine.login("sensor");
    const std::string large = publish("sensor", "chan", std::string(60'000, 'x'));
    engine.say(publisher, large);
    for (int i = 0; i < 450; ++i)
        engine.advance(10ms);
    EXPECT_EQ(engine.take_heard(listener), "") << "after 4.5 s";
    for (int i = 0; i < 150; ++i)
        engine.advance(10ms);
    EXPECT_EQ(engine.take_heard(listener), large) << "after 6 s";
}

class DeliveredFramesTest : public ::testing::Test {
protected:
    DeliveredFramesTest() {
        engine.add_account(account("sensor", {"chan"}, {"chan"}));
        reader = engine.login("sensor", 1);
        engine.say(reader, subscribe("sensor", "chan"));
        here = engine.login("sensor");
        engine.say(here, subscribe("sensor", "chan"));
        publisher = engine.login("sensor");
    }
    static Limits limits() {
        Limits made;
        made.publish_frame_bytes_max = 10'000;
        made.delivered_frame_bytes_max = 1'000;
        return made;
    }
    static std::string frame_of(std::size_t bytes) {
        const std::size_t around = publish("sensor", "chan", "").size();
        return publish("sensor", "chan", std::string(bytes - around, 'x'));
    }

    LoopbackEngine engine{limits(), 2};
    std::size_t reader = 0;
    std::size_t here = 0;
    std::size_t publisher = 0;
};

TEST_F(DeliveredFramesTest, LongerOnesAreAcceptedAndReachNobody) {
    const std::string most = frame_of(1'000);
    engine.say(publisher, frame_of(1'001) + most + frame_of(10'000) + frame_of(1'001) + most);
    EXPECT_EQ(engine.take_heard(reader), most + most);
    EXPECT_EQ(engine.take_heard(here), most + most);
    EXPECT_FALSE(engine.peer(publisher).goodbye);
    const ShardCounters& counters = engine.shard().counters().shard;
    EXPECT_EQ(counters.published_frames.value(), 5U);
    EXPECT_EQ(counters.undelivered_frames.value(), 3U);
    EXPECT_EQ(engine.incidents().back().kind, Incident::Kind::frame_undelivered);
    EXPECT_EQ(engine.incidents().back().bytes, 1'001U);
    EXPECT_EQ(engine.incidents().back().channel, "chan");
}

TEST_F(DeliveredFramesTest, WhatIsNotAcceptedIsRefusedAsEver) {
    engine.say(publisher, frame_of(10'001));
    EXPECT_TRUE(engine.peer(publisher).goodbye);
    EXPECT_EQ(engine.incidents().back().refusal, wire::Refusal::length_above_limit);
}

TEST_F(DeliveredFramesTest, WhoMayNotPublishIsRefusedWhateverTheLength) {
    engine.add_account(account("mute", {}, {}));
    const std::size_t mute = engine.login("mute");
    engine.say(mute, publish("mute", "chan", std::string(2'000, 'x')));
    EXPECT_TRUE(engine.peer(mute).goodbye);
    EXPECT_EQ(engine.shard().counters().shard.undelivered_frames.value(), 0U);
}

}  // namespace
}  // namespace hpfeeds::core
