// SPDX-License-Identifier: Apache-2.0
#include "auth/request_ring.hpp"

#include <cassert>

namespace hpfeeds::auth {

RequestRing::RequestRing(std::size_t size)
    : places_count_(size), places_(std::make_unique<Place[]>(size)) {
    assert(size >= 2);
    for (std::size_t at = 0; at < size; ++at)
        places_[at].sequence.store(at, std::memory_order_relaxed);
}

bool RequestRing::push(const Request& request) noexcept {
    std::uint64_t number = pushed_.load(std::memory_order_relaxed);
    for (;;) {
        Place& place = places_[number % places_count_];
        const std::uint64_t sequence = place.sequence.load(std::memory_order_acquire);
        if (sequence < number) return false;  // still holds the request of one round ago
        if (sequence > number) {              // another push was faster
            number = pushed_.load(std::memory_order_relaxed);
            continue;
        }
        if (!pushed_.compare_exchange_weak(number, number + 1, std::memory_order_relaxed)) continue;
        place.request = request;
        place.sequence.store(number + 1, std::memory_order_release);
        return true;
    }
}

bool RequestRing::pop(Request& out) noexcept {
    std::uint64_t number = popped_.load(std::memory_order_relaxed);
    for (;;) {
        Place& place = places_[number % places_count_];
        const std::uint64_t sequence = place.sequence.load(std::memory_order_acquire);
        if (sequence < number + 1) return false;  // not filled yet
        if (sequence > number + 1) {              // another pop was faster
            number = popped_.load(std::memory_order_relaxed);
            continue;
        }
        if (!popped_.compare_exchange_weak(number, number + 1, std::memory_order_relaxed)) continue;
        out = place.request;
        place.sequence.store(number + places_count_, std::memory_order_release);
        return true;
    }
}

std::size_t RequestRing::size() const noexcept {
    const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
    const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
    return pushed > popped ? static_cast<std::size_t>(pushed - popped) : 0;
}

}  // namespace hpfeeds::auth
