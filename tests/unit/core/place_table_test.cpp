// SPDX-License-Identifier: Apache-2.0
#include "core/place_table.hpp"

#include "core/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::core {
namespace {

using Place = PlaceTable::Place;

std::uint64_t hash_of(int number) {
    return keyed_hash({1, 2}, std::to_string(number));
}

TEST(PlaceTable, GivesEachKeyItsPlacesAndNoMore) {
    PlaceTable table(100, 2);
    Place first;
    Place second;
    Place third;
    EXPECT_TRUE(table.take(hash_of(1), first));
    EXPECT_TRUE(table.take(hash_of(1), second));
    EXPECT_FALSE(table.take(hash_of(1), third));
    EXPECT_FALSE(third.taken());
    EXPECT_EQ(first.entry(), second.entry());
    EXPECT_TRUE(table.take(hash_of(2), third)) << "another key has its own";
}

TEST(PlaceTable, TakesBackWhatGoes) {
    PlaceTable table(100, 1);
    Place place;
    for (int round = 0; round < 1'000; ++round) {
        ASSERT_TRUE(table.take(hash_of(round), place)) << "the one before went with this one";
        Place other;
        ASSERT_FALSE(table.take(hash_of(round), other));
    }
    Place moved(std::move(place));
    EXPECT_TRUE(moved.taken());
    Place other;
    EXPECT_FALSE(table.take(hash_of(999), other));
    moved = {};
    EXPECT_TRUE(table.take(hash_of(999), other));
}

TEST(PlaceTable, CountsAnyNumberWhereThereIsNoBound) {
    PlaceTable table(100, 0);
    std::vector<Place> places(500);
    for (Place& place : places)
        EXPECT_TRUE(table.take(hash_of(1), place));
    table.set_places_max(500);
    Place more;
    EXPECT_FALSE(table.take(hash_of(1), more));
    EXPECT_TRUE(table.take(hash_of(1), more, false)) << "who is not bounded";
    EXPECT_TRUE(more.taken());
}

TEST(PlaceTable, HasRoomForAsManyKeysAsItWasMadeFor) {
    constexpr int keys = 20'000;
    PlaceTable table(keys, 1);
    std::vector<Place> places(keys);
    for (int key = 0; key < keys; ++key)
        ASSERT_TRUE(table.take(hash_of(key), places[static_cast<std::size_t>(key)]));
    EXPECT_EQ(table.uncounted(), 0U);
    for (int key = 0; key < keys; ++key) {
        Place other;
        ASSERT_FALSE(table.take(hash_of(key), other)) << key;
    }
}

// A table that is full keeps nobody out.
TEST(PlaceTable, LetsInUncountedWhereItsWindowIsFull) {
    PlaceTable table(PlaceTable::window, 1);
    std::vector<Place> places;
    for (int key = 0; key < 1'000; ++key)
        ASSERT_TRUE(table.take(hash_of(key), places.emplace_back()));
    EXPECT_EQ(table.uncounted(), 1'000 - table.entry_count());
    EXPECT_FALSE(places.back().taken());
}

// Threads take and give back places of a few keys; each key never has more than it may, and all of
// its places can be had in the end.
TEST(PlaceTable, HoldsItsBoundAmongThreads) {
    constexpr std::size_t places_max = 3;
    constexpr int keys = 4;
    PlaceTable table(100, places_max);
    std::array<std::atomic<std::size_t>, keys> held{};
    std::atomic<bool> passed{false};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
            std::array<Place, 6> mine;
            std::array<int, 6> of{};
            for (int round = 0; round < 20'000; ++round) {
                const auto slot = static_cast<std::size_t>((round * 5 + thread) % 6);
                if (mine[slot].taken()) {
                    --held[static_cast<std::size_t>(of[slot])];
                    mine[slot] = {};
                }
                of[slot] = (round + thread) % keys;
                if (table.take(hash_of(of[slot]), mine[slot]) &&
                    ++held[static_cast<std::size_t>(of[slot])] > places_max)
                    passed = true;
            }
            for (std::size_t slot = 0; slot < mine.size(); ++slot)
                if (mine[slot].taken()) --held[static_cast<std::size_t>(of[slot])];
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_FALSE(passed);
    EXPECT_EQ(table.uncounted(), 0U);
    std::vector<Place> places(places_max + 1);
    for (std::size_t i = 0; i < places_max; ++i)
        EXPECT_TRUE(table.take(hash_of(0), places[i]));
    EXPECT_FALSE(table.take(hash_of(0), places.back()));
}

}  // namespace
}  // namespace hpfeeds::core
