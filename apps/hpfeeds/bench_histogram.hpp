// SPDX-License-Identifier: Apache-2.0
// bench_histogram.hpp: how long things took, in buckets whose width grows with the value.
//
// 64 buckets per power of two: a quantile is right to 0.8 %, whatever its size, and adding costs
// one increment.
//
// Units    nanoseconds.
// Threads  one thread adds; any thread may merge it into another and read that.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::cli::bench {

class Histogram {
public:
    void add(std::uint64_t nanoseconds) noexcept {
        std::atomic<std::uint64_t>& count = counts_[index_of(nanoseconds)];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        if (nanoseconds > max_.load(std::memory_order_relaxed))
            max_.store(nanoseconds, std::memory_order_relaxed);
    }
    void merge(const Histogram& other) noexcept;

    [[nodiscard]] std::uint64_t count() const noexcept;
    // The value that a share of `quantile` (0 to 1) of all values does not exceed; 0 when empty.
    [[nodiscard]] std::uint64_t at(double quantile) const noexcept;
    [[nodiscard]] std::uint64_t max() const noexcept {
        return max_.load(std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t per_octave = 64;
    static constexpr std::size_t bucket_count = per_octave * 59;

    [[nodiscard]] static std::size_t index_of(std::uint64_t value) noexcept {
        const auto width = static_cast<std::size_t>(std::bit_width(value | (per_octave - 1)));
        const std::size_t shift = width - 6;  // keeps the top seven bits
        return value < per_octave ? value : (shift - 1) * per_octave + (value >> (shift - 1));
    }
    [[nodiscard]] static std::uint64_t middle_of(std::size_t index) noexcept;

    std::array<std::atomic<std::uint64_t>, bucket_count> counts_{};
    std::atomic<std::uint64_t> max_{0};
};

}  // namespace hpfeeds::cli::bench
