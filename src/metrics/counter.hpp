// SPDX-License-Identifier: Apache-2.0
// counter.hpp: numbers with one writer and many readers.
//
// Threads  the owning thread alone writes; any thread may read at any time and sees a value that
// was true a moment ago.
//          A write is a plain load, add and store: no locked instruction on the data path.
#pragma once

#include <atomic>
#include <cstdint>

namespace hpfeeds::metrics {

class Counter {
public:
    void add(std::uint64_t count) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    void increment() noexcept { add(1); }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
public:
    void add(std::int64_t change) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
    }
    void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::int64_t> value_{0};
};

}  // namespace hpfeeds::metrics
