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

}  // namespace
}  // namespace hpfeeds::core
