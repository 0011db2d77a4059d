// SPDX-License-Identifier: Apache-2.0
#include "bench_histogram.hpp"

#include <algorithm>
#include <cmath>

namespace hpfeeds::cli::bench {

void Histogram::merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < bucket_count; ++i) {
        const std::uint64_t more = other.counts_[i].load(std::memory_order_relaxed);
        if (more) counts_[i].store(counts_[i].load() + more, std::memory_order_relaxed);
    }
    max_.store(std::max(max(), other.max()), std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& count : counts_)
        sum += count.load(std::memory_order_relaxed);
    return sum;
}

std::uint64_t Histogram::at(double quantile) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(
        std::max(1.0, std::ceil(quantile * static_cast<double>(count()))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
        seen += counts_[i].load(std::memory_order_relaxed);
        if (seen >= wanted) return std::min(middle_of(i), max());
    }
    return 0;
}

std::uint64_t Histogram::middle_of(std::size_t index) noexcept {
    if (index < 2 * per_octave) return index;
    const std::size_t shift = index / per_octave - 1;
    const std::uint64_t low = std::uint64_t{index - shift * per_octave} << shift;
    return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace hpfeeds::cli::bench
