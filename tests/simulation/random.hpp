// SPDX-License-Identifier: Apache-2.0
// random.hpp: numbers that are the same for the same seed, on every machine and compiler.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::simulation {

// splitmix64. One for each event, seeded with the scene and the event's number, so that an event
// that is left out changes no other.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
    Random(std::uint64_t seed, std::uint64_t number) noexcept
        : state_(seed ^ (number * 0x9e3779b97f4a7c15U)) {
        state_ = next();
    }

    std::uint64_t next() noexcept {
        std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15U;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
        return mixed ^ mixed >> 31;
    }
    // From 0 to `count` - 1.
    std::size_t below(std::size_t count) noexcept { return next() % count; }
    std::size_t between(std::size_t least, std::size_t most) noexcept {
        return least + below(most - least + 1);
    }
    bool one_in(std::size_t count) noexcept { return below(count) == 0; }
    template <typename T, std::size_t size>
    const T& any_of(const std::array<T, size>& things) noexcept {
        return things[below(size)];
    }

private:
    std::uint64_t state_;
};

}  // namespace hpfeeds::simulation
