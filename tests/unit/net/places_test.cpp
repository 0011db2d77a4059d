// SPDX-License-Identifier: Apache-2.0
#include "net/places.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace hpfeeds::net {
namespace {

TEST(Places, AreAsManyAsThereAre) {
    Places places(2);
    EXPECT_TRUE(places.take());
    EXPECT_TRUE(places.take());
    EXPECT_FALSE(places.take());
    EXPECT_EQ(places.taken(), 2U) << "a refusal takes none";
    places.give_back();
    EXPECT_TRUE(places.take());
}

TEST(Places, AreNeverGivenTwice) {
    constexpr int threads = 4;
    constexpr std::size_t places_max = 1'000;
    Places places(places_max);
    std::atomic<std::size_t> taken{0};
    std::vector<std::thread> takers;
    for (int i = 0; i < threads; ++i)
        takers.emplace_back([&] {
            for (int attempt = 0; attempt < 2'000; ++attempt)
                if (places.take()) ++taken;
        });
    for (std::thread& taker : takers)
        taker.join();
    EXPECT_EQ(taken, places_max);
}

}  // namespace
}  // namespace hpfeeds::net
