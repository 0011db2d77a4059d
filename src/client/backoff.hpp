// SPDX-License-Identifier: Apache-2.0
// backoff.hpp: how long to wait before the next attempt to connect.
//
// The bound doubles with every failure up to a maximum, and each wait is drawn from the upper half
// below it, so that a thousand sensors whose broker restarts do not all come back in the same
// instant.
//
// Threads  one owner.    Errors  none.    Chance  the caller's: a failing test is a seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace hpfeeds::client {

class Backoff {
public:
    struct Limits {
        std::chrono::milliseconds first{500};
        std::chrono::milliseconds longest{30'000};
    };
    // `random` gives uniformly distributed numbers.
    Backoff(Limits limits, std::function<std::uint32_t()> random);
    explicit Backoff(std::function<std::uint32_t()> random);

    // The wait before the next attempt, between half of the bound and the bound.
    [[nodiscard]] std::chrono::milliseconds next();
    // The connection proved good: the next wait is short again.
    void reset() noexcept { bound_ = limits_.first; }
    // Asking again soon is pointless: the next wait is one of the longest.
    void slow_down() noexcept { bound_ = limits_.longest; }

private:
    Limits limits_;
    std::function<std::uint32_t()> random_;
    std::chrono::milliseconds bound_;
};

}  // namespace hpfeeds::client
