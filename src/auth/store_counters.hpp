// SPDX-License-Identifier: Apache-2.0
// store_counters.hpp: what a key store was asked and how that went.
//
// Threads  several workers write, any thread reads: so atomics, not metrics::Counter.
#pragma once

#include "auth/account_source.hpp"
#include "auth/failure.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::auth {

class StoreCounters {
public:
    struct Values {
        std::uint64_t lookups = 0;     // that reached the store
        std::uint64_t lookups_ns = 0;  // how long they took, summed
        std::array<std::uint64_t, failure_count> failures{};
    };

    void count_lookup(const Lookup& lookup, std::chrono::nanoseconds took) noexcept {
        lookups_.fetch_add(1, std::memory_order_relaxed);
        lookups_ns_.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
        if (lookup.status == Lookup::Status::unavailable) count_failure(lookup.failure);
    }
    void count_failure(Failure failure) noexcept {
        failures_[static_cast<std::size_t>(failure)].fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] Values values() const noexcept {
        Values values{lookups_.load(std::memory_order_relaxed),
                      lookups_ns_.load(std::memory_order_relaxed),
                      {}};
        for (std::size_t i = 0; i < failure_count; ++i)
            values.failures[i] = failures_[i].load(std::memory_order_relaxed);
        return values;
    }

private:
    std::atomic<std::uint64_t> lookups_{0};
    std::atomic<std::uint64_t> lookups_ns_{0};
    std::array<std::atomic<std::uint64_t>, failure_count> failures_{};
};

}  // namespace hpfeeds::auth
