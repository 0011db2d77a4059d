// SPDX-License-Identifier: Apache-2.0
#include "metrics/counter.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace hpfeeds::metrics {
namespace {

TEST(Counter, AddsUp) {
    Counter counter;
    EXPECT_EQ(counter.value(), 0u);
    counter.increment();
    counter.add(41);
    EXPECT_EQ(counter.value(), 42u);
}

TEST(Counter, IsReadByOthersWhileItRises) {
    Counter counter;
    std::thread writer([&] {
        for (int count = 0; count < 100'000; ++count)
            counter.increment();
    });
    std::uint64_t last = 0;
    while (last < 100'000) {
        const std::uint64_t seen = counter.value();
        ASSERT_GE(seen, last);
        last = seen;
    }
    writer.join();
    EXPECT_EQ(counter.value(), 100'000u);
}

TEST(Gauge, GoesBothWays) {
    Gauge gauge;
    gauge.add(5);
    gauge.add(-7);
    EXPECT_EQ(gauge.value(), -2);
    gauge.set(9);
    EXPECT_EQ(gauge.value(), 9);
}

}  // namespace
}  // namespace hpfeeds::metrics
