// SPDX-License-Identifier: Apache-2.0
#include "core/counted_names.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace hpfeeds::core {
namespace {

TEST(NameSet, AdmitsAsManyAsThereAreAndKnowsThem) {
    NameSet names(3);
    // All of them point to the same word of the table.
    for (const std::uint64_t hash : {8U, 16U, 24U})
        EXPECT_TRUE(names.admit(hash));
    for (const std::uint64_t hash : {24U, 16U, 8U})
        EXPECT_TRUE(names.admit(hash)) << "known";
    EXPECT_FALSE(names.admit(32));
    EXPECT_FALSE(names.admit(0));
    EXPECT_EQ(names.size(), 3U);
}

TEST(NameSet, KnowsAHashOfNought) {
    NameSet names(2);
    EXPECT_TRUE(names.admit(0));
    EXPECT_TRUE(names.admit(0));
    EXPECT_EQ(names.size(), 1U);
}

TEST(NameSet, IsOneSetForAllThreads) {
    constexpr std::size_t names_max = 1'000;
    NameSet names(names_max);
    std::vector<std::atomic<bool>> told(2 * names_max + 1);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (std::size_t hash = 1; hash <= 2 * names_max; ++hash)
                if (names.admit(hash)) told[hash] = true;
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_LE(names.size(), names_max);
    std::size_t count = 0;
    for (std::size_t hash = 1; hash <= 2 * names_max; ++hash) {
        if (!told[hash]) continue;
        ++count;
        EXPECT_TRUE(names.admit(hash)) << hash;
    }
    EXPECT_EQ(count, names.size());
}

}  // namespace
}  // namespace hpfeeds::core
