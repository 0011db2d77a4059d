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

}  // namespace
}  // namespace hpfeeds::core
