// SPDX-License-Identifier: Apache-2.0
// time_histogram.hpp: how long something took, counted in buckets that double.
//
// Units    upper bounds are 16 µs, doubling, to 16.8 s; the last bucket is above all of them.
// Threads  as a Counter: one thread counts, any thread reads. A count is two adds, and no search.
#pragma once

#include "metrics/counter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::metrics {

class TimeHistogram {
public:
    static constexpr std::size_t bucket_count = 22;
    static constexpr std::chrono::microseconds first_bound{16};

    // The upper bound of a bucket but the last. Requires: index + 1 < bucket_count.
    [[nodiscard]] static constexpr std::chrono::microseconds upper_bound(
        std::size_t index) noexcept {
        return first_bound * (std::int64_t{1} << index);
    }
    [[nodiscard]] static constexpr std::size_t bucket_of(std::chrono::nanoseconds took) noexcept {
        constexpr std::uint64_t first =
            std::chrono::duration_cast<std::chrono::nanoseconds>(first_bound).count();
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 1));
        const auto index = static_cast<std::size_t>(std::bit_width((ns - 1) / first));
        return std::min(index, bucket_count - 1);
    }

    void count(std::chrono::nanoseconds took) noexcept {
        counts_[bucket_of(took)].increment();
        sum_ns_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)));
    }

    // Of one bucket alone, not of those below it.
    [[nodiscard]] std::uint64_t count_in(std::size_t index) const noexcept {
        return counts_[index].value();
    }
    [[nodiscard]] std::chrono::nanoseconds sum() const noexcept {
        return std::chrono::nanoseconds(sum_ns_.value());
    }

private:
    std::array<Counter, bucket_count> counts_;
    Counter sum_ns_;
};

}  // namespace hpfeeds::metrics
