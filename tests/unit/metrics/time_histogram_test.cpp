// SPDX-License-Identifier: Apache-2.0
#include "metrics/time_histogram.hpp"

#include <gtest/gtest.h>

namespace hpfeeds::metrics {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(TimeHistogram, PutsATimeIntoTheFirstBucketWhoseBoundIsNotBelowIt) {
    for (std::size_t i = 0; i + 1 < TimeHistogram::bucket_count; ++i) {
        const nanoseconds bound = TimeHistogram::upper_bound(i);
        EXPECT_EQ(TimeHistogram::bucket_of(bound), i);
        EXPECT_EQ(TimeHistogram::bucket_of(bound + nanoseconds(1)), i + 1);
    }
    EXPECT_EQ(TimeHistogram::bucket_of(nanoseconds(0)), 0U);
    EXPECT_EQ(TimeHistogram::bucket_of(nanoseconds(-5)), 0U) << "a clock that was set back";
    EXPECT_EQ(TimeHistogram::bucket_of(std::chrono::hours(24 * 365 * 100)),
              TimeHistogram::bucket_count - 1);
}

TEST(TimeHistogram, ReachesFromATurnToALoginThatWaitedForItsStore) {
    EXPECT_EQ(TimeHistogram::upper_bound(0), microseconds(16));
    EXPECT_GT(TimeHistogram::upper_bound(TimeHistogram::bucket_count - 2), seconds(15));
}

TEST(TimeHistogram, CountsAndSums) {
    TimeHistogram histogram;
    histogram.count(microseconds(3));
    histogram.count(microseconds(16));
    histogram.count(microseconds(17));
    histogram.count(nanoseconds(-5));
    EXPECT_EQ(histogram.count_in(0), 3U);
    EXPECT_EQ(histogram.count_in(1), 1U);
    EXPECT_EQ(histogram.sum(), microseconds(36));
}

}  // namespace
}  // namespace hpfeeds::metrics
