// SPDX-License-Identifier: Apache-2.0
// places.hpp: how many connections there may be at once, of all shards and of the door together.
//
// Whoever accepts takes a place; whoever closes the socket gives it back.
//
// Threads  any.
#pragma once

#include <atomic>
#include <cstddef>

namespace hpfeeds::net {

class Places {
public:
    explicit Places(std::size_t places_max) noexcept : places_max_(places_max) {}

    // False when all are taken.
    [[nodiscard]] bool take() noexcept {
        if (taken_.fetch_add(1, std::memory_order_relaxed) < places_max_) return true;
        give_back();
        return false;
    }
    void give_back() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t taken() const noexcept {
        return taken_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::size_t> taken_{0};
    std::size_t places_max_;
};

}  // namespace hpfeeds::net
