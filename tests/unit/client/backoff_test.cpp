// SPDX-License-Identifier: Apache-2.0
#include "client/backoff.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

namespace hpfeeds::client {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsLongestWait) {
    Backoff backoff({milliseconds(100), milliseconds(450)}, [] { return 0U; });
    EXPECT_EQ(backoff.next(), milliseconds(50));
    EXPECT_EQ(backoff.next(), milliseconds(100));
    EXPECT_EQ(backoff.next(), milliseconds(200));
    EXPECT_EQ(backoff.next(), milliseconds(225));
    EXPECT_EQ(backoff.next(), milliseconds(225));
}

TEST(Backoff, DrawsFromTheUpperHalfOfTheBound) {
    constexpr unsigned seed = 20'260'101;
    std::mt19937 random(seed);
    SCOPED_TRACE(seed);
    bool varied = false;
    milliseconds before{};
    for (int round = 0; round < 1000; ++round) {
        Backoff backoff({milliseconds(1000), milliseconds(1000)},
                        [&] { return static_cast<std::uint32_t>(random()); });
        const milliseconds wait = backoff.next();
        ASSERT_GE(wait, milliseconds(500));
        ASSERT_LE(wait, milliseconds(1000));
        varied = varied || (round > 0 && wait != before);
        before = wait;
    }
    EXPECT_TRUE(varied);
}

TEST(Backoff, ReachesTheWholeBound) {
    Backoff backoff({milliseconds(10), milliseconds(10)}, [] { return 5U; });
    EXPECT_EQ(backoff.next(), milliseconds(10));
}

TEST(Backoff, StaysWithinBoundsForTheGreatestNumber) {
    Backoff backoff([] { return std::numeric_limits<std::uint32_t>::max(); });
    for (int round = 0; round < 40; ++round)
        EXPECT_LE(backoff.next(), milliseconds(30'000));
}

TEST(Backoff, StartsAgainAfterAReset) {
    Backoff backoff({milliseconds(100), milliseconds(1000)}, [] { return 0U; });
    static_cast<void>(backoff.next());
    static_cast<void>(backoff.next());
    backoff.reset();
    EXPECT_EQ(backoff.next(), milliseconds(50));
}

TEST(Backoff, WaitsItsLongestWhenToldThatSoonIsPointless) {
    Backoff backoff({milliseconds(100), milliseconds(1000)}, [] { return 0U; });
    backoff.slow_down();
    EXPECT_EQ(backoff.next(), milliseconds(500));
    EXPECT_EQ(backoff.next(), milliseconds(500));
}

}  // namespace
}  // namespace hpfeeds::client
