// SPDX-License-Identifier: Apache-2.0
#include "bench_histogram.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace hpfeeds::cli::bench {
namespace {

TEST(BenchHistogram, IsEmptyAtFirst) {
    const Histogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.at(0.5), 0U);
    EXPECT_EQ(histogram.max(), 0U);
}

TEST(BenchHistogram, TellsSmallValuesExactly) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 100; ++value)
        histogram.add(value);
    EXPECT_EQ(histogram.at(0.0), 1U);
    EXPECT_EQ(histogram.at(0.5), 50U);
    EXPECT_EQ(histogram.at(0.99), 99U);
    EXPECT_EQ(histogram.at(1.0), 100U);
    EXPECT_EQ(histogram.max(), 100U);
}

TEST(BenchHistogram, IsRightToOnePercentAtAnyMagnitude) {
    for (double value = 1; value < 1e18; value *= 1.7) {
        Histogram histogram;
        const auto added = static_cast<std::uint64_t>(value);
        histogram.add(added);
        histogram.add(std::numeric_limits<std::uint64_t>::max());
        EXPECT_NEAR(static_cast<double>(histogram.at(0.5)), static_cast<double>(added),
                    static_cast<double>(added) * 0.01)
            << added;
    }
}

TEST(BenchHistogram, NeverTellsMoreThanTheMost) {
    Histogram histogram;
    histogram.add(1'000'001);
    EXPECT_LE(histogram.at(0.999), 1'000'001U);
    EXPECT_EQ(histogram.max(), 1'000'001U);
}

TEST(BenchHistogram, MergesWhatOthersCounted) {
    Histogram histogram;
    Histogram other;
    for (int i = 0; i < 90; ++i)
        histogram.add(10);
    for (int i = 0; i < 10; ++i)
        other.add(50'000);
    histogram.merge(other);
    EXPECT_EQ(histogram.count(), 100U);
    EXPECT_EQ(histogram.at(0.9), 10U);
    EXPECT_NEAR(static_cast<double>(histogram.at(0.91)), 50'000, 500);
    EXPECT_EQ(histogram.max(), 50'000U);
}

TEST(BenchHistogram, HoldsTheLargestNumber) {
    Histogram histogram;
    histogram.add(std::numeric_limits<std::uint64_t>::max());
    EXPECT_GT(histogram.at(1), std::numeric_limits<std::uint64_t>::max() / 100 * 99);
}

}  // namespace
}  // namespace hpfeeds::cli::bench
