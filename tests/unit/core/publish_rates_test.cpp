// SPDX-License-Identifier: Apache-2.0
#include "core/publish_rates.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace hpfeeds::core {
namespace {

using namespace std::chrono_literals;
using Kind = PublishRates::Kind;

const Instant start{1h};

TEST(PublishRates, LendOneSecondsWorthAndNoMore) {
    PublishRates rates(4, 10, 0);
    rates.begin(1, 77);
    for (int i = 0; i < 10; ++i)
        EXPECT_LE(rates.use(Kind::frames, 1, 1, start), start);
    EXPECT_EQ(rates.use(Kind::frames, 1, 1, start), start + 100ms);
    EXPECT_EQ(rates.use(Kind::frames, 1, 5, start), start + 600ms);
    EXPECT_LE(rates.use(Kind::frames, 1, 1, start + 700ms), start + 700ms);
    EXPECT_EQ(rates.use(Kind::frames, 1, 11, start + 1h), start + 1h + 100ms)
        << "an hour of silence is one second's worth, too";
}

TEST(PublishRates, CountMessagesAndBytesApart) {
    PublishRates rates(4, 10, 1'000'000);
    EXPECT_TRUE(rates.bounds(Kind::frames));
    EXPECT_TRUE(rates.bounds(Kind::bytes));
    rates.begin(0, 77);
    EXPECT_EQ(rates.use(Kind::bytes, 0, 3'000'000, start), start + 2s);
    EXPECT_LE(rates.use(Kind::frames, 0, 10, start), start);
    EXPECT_FALSE(PublishRates(4, 10, 0).bounds(Kind::bytes));
    EXPECT_FALSE(PublishRates(4, 0, 10).bounds(Kind::frames));
}

TEST(PublishRates, HoldForTheLargestNumbers) {
    PublishRates rates(1, 1, 64ULL << 30);
    rates.begin(0, 77);
    EXPECT_EQ(rates.use(Kind::bytes, 0, std::int64_t{192} << 30, start), start + 2s);
    EXPECT_EQ(rates.use(Kind::frames, 0, 1'000, start), start + 999s);
}

// An ident that comes back finds what it has used; another one in the same entry does not.
TEST(PublishRates, BelongToTheirIdent) {
    PublishRates rates(1, 10, 0);
    rates.begin(0, 77);
    (void)rates.use(Kind::frames, 0, 50, start);
    rates.begin(0, 77);
    EXPECT_EQ(rates.use(Kind::frames, 0, 1, start), start + 4'100ms);
    rates.begin(0, 78);
    EXPECT_LE(rates.use(Kind::frames, 0, 1, start), start);
}

TEST(PublishRates, ReadLittleFromWhoMayPublishLittle) {
    EXPECT_EQ(PublishRates(1, 1, 0).read_bytes_max(), rated_read_bytes_min);
    EXPECT_EQ(PublishRates(1, 0, 80'000).read_bytes_max(), 10'000U);
    EXPECT_EQ(PublishRates(1, 1, 80'000).read_bytes_max(), rated_read_bytes_min);
    EXPECT_EQ(PublishRates(1, 100'000, 100'000'000).read_bytes_max(), bytes::slab_bytes);
}

// What was used at the old rate is forgotten, once.
TEST(PublishRates, CanChange) {
    PublishRates rates(1, 10, 0);
    rates.begin(0, 77);
    (void)rates.use(Kind::frames, 0, 50, start);
    rates.set(10, 0);
    EXPECT_EQ(rates.generation(), 0U) << "nothing changed";
    rates.set(100, 80'000);
    EXPECT_EQ(rates.generation(), 1U);
    EXPECT_TRUE(rates.bounds(Kind::bytes));
    EXPECT_EQ(rates.read_bytes_max(), rated_read_bytes_min);
    rates.begin(0, 77);
    EXPECT_EQ(rates.use(Kind::frames, 0, 150, start), start + 500ms);
    rates.begin(0, 77);
    EXPECT_EQ(rates.use(Kind::frames, 0, 100, start), start + 1'500ms);
    rates.set(0, 0);
    EXPECT_FALSE(rates.bounds_any());
    EXPECT_EQ(rates.use(Kind::frames, 0, 1'000, start), start) << "no bound, no waiting";
    EXPECT_EQ(rates.read_bytes_max(), bytes::slab_bytes);
}

TEST(PublishRates, LoseNothingAmongThreads) {
    PublishRates rates(1, 1'000, 0);
    rates.begin(0, 77);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (int i = 0; i < 10'000; ++i)
                (void)rates.use(Kind::frames, 0, 1, start);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(rates.use(Kind::frames, 0, 1'000, start), start + 40s);
}

}  // namespace
}  // namespace hpfeeds::core
