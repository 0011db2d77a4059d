// SPDX-License-Identifier: Apache-2.0
#include "auth/outage_gate.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace hpfeeds::auth {
namespace {

using std::chrono::milliseconds;
using Pass = OutageGate::Pass;

constexpr std::uint32_t whole_bound = 50;  // makes the first wait, of 50 to 100 ms, 100 ms

struct Time {
    OutageGate::Clock::time_point now{};
    OutageGate::Clock::time_point after(int ms) { return now += milliseconds(ms); }
};

OutageGate shortest_waits() {
    return OutageGate({milliseconds(100), milliseconds(500)}, [] { return 0U; });
}

TEST(OutageGate, LetsEverybodyPassWhileTheStoreAnswers) {
    OutageGate gate = shortest_waits();
    Time time;
    for (int turn = 0; turn < 3; ++turn) {
        const Pass pass = gate.enter(time.now);
        EXPECT_EQ(pass, Pass::open);
        EXPECT_FALSE(gate.succeeded(pass));
    }
    EXPECT_FALSE(gate.out());
}

TEST(OutageGate, RefusesFromTheFirstFailureUntilTheBackoffIsOver) {
    OutageGate gate({milliseconds(100), milliseconds(500)}, [] { return whole_bound; });
    Time time;
    EXPECT_TRUE(gate.failed(gate.enter(time.now), time.now));
    EXPECT_TRUE(gate.out());
    EXPECT_EQ(gate.enter(time.now), Pass::refused);
    EXPECT_EQ(gate.enter(time.after(99)), Pass::refused);
    EXPECT_EQ(gate.enter(time.after(1)), Pass::probe);
}

TEST(OutageGate, LetsOneProbePassAtATime) {
    OutageGate gate = shortest_waits();
    Time time;
    gate.failed(gate.enter(time.now), time.now);
    const Pass probe = gate.enter(time.after(50));
    ASSERT_EQ(probe, Pass::probe);
    EXPECT_TRUE(gate.probing());
    EXPECT_EQ(gate.enter(time.after(10'000)), Pass::refused);
    EXPECT_FALSE(gate.failed(probe, time.now));
    EXPECT_FALSE(gate.probing());
    EXPECT_EQ(gate.enter(time.after(100)), Pass::probe);
}

TEST(OutageGate, DoublesTheBackoffUpToItsBound) {
    OutageGate gate = shortest_waits();
    Time time;
    gate.failed(gate.enter(time.now), time.now);
    for (const int wait : {50, 100, 200, 250, 250}) {
        EXPECT_EQ(gate.enter(time.after(wait - 1)), Pass::refused) << wait;
        const Pass probe = gate.enter(time.after(1));
        ASSERT_EQ(probe, Pass::probe) << wait;
        gate.failed(probe, time.now);
    }
}

TEST(OutageGate, ASuccessfulProbeEndsTheOutageAndTheNextBackoffIsShortAgain) {
    OutageGate gate = shortest_waits();
    Time time;
    gate.failed(gate.enter(time.now), time.now);
    gate.failed(gate.enter(time.after(50)), time.now);
    EXPECT_TRUE(gate.succeeded(gate.enter(time.after(100))));
    EXPECT_FALSE(gate.out());
    EXPECT_EQ(gate.enter(time.now), Pass::open);
    EXPECT_TRUE(gate.failed(Pass::open, time.now));
    EXPECT_EQ(gate.enter(time.after(49)), Pass::refused);
    EXPECT_EQ(gate.enter(time.after(1)), Pass::probe);
}

TEST(OutageGate, StragglersOfTheTimeBeforeDecideNothing) {
    OutageGate gate = shortest_waits();
    Time time;
    const Pass first = gate.enter(time.now);
    const Pass second = gate.enter(time.now);
    const Pass third = gate.enter(time.now);
    EXPECT_TRUE(gate.failed(first, time.now));
    EXPECT_FALSE(gate.failed(second, time.after(40)));  // neither a second outage nor a longer one
    EXPECT_FALSE(gate.succeeded(third));
    EXPECT_TRUE(gate.out());
    EXPECT_EQ(gate.enter(time.after(10)), Pass::probe);
}

TEST(OutageGate, WaitsWithinItsBoundsWhateverChanceSays) {
    constexpr unsigned seed = 20'260'401;
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 1'000; ++round) {
        OutageGate gate({milliseconds(100), milliseconds(5'000)},
                        [&] { return static_cast<std::uint32_t>(random()); });
        gate.failed(Pass::open, {});
        const auto wait = gate.retry_at().time_since_epoch();
        ASSERT_GE(wait, milliseconds(50));
        ASSERT_LE(wait, milliseconds(100));
    }
    OutageGate gate({}, [] { return std::numeric_limits<std::uint32_t>::max(); });
    Time time;
    gate.failed(Pass::open, time.now);
    for (int round = 0; round < 100; ++round) {
        ASSERT_LE(gate.retry_at() - time.now, milliseconds(5'000));
        time.now = gate.retry_at();
        gate.failed(gate.enter(time.now), time.now);
    }
}

}  // namespace
}  // namespace hpfeeds::auth
