// SPDX-License-Identifier: Apache-2.0
#include "core/place_table.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace hpfeeds::core {
namespace {

// Two threads that begin the same key's entry at once both take it back and try again; more often
// than this it does not happen.
constexpr int attempts_max = 16;

}  // namespace

PlaceTable::PlaceTable(std::size_t keys_max, std::size_t places_max)
    : mask_(std::bit_ceil(4 * std::clamp(keys_max, std::size_t{window}, keys_most)) - 1),
      words_(static_cast<std::uint64_t*>(std::calloc(mask_ + 1, sizeof(std::uint64_t)))),
      places_max_(places_max) {
    if (!words_) throw std::bad_alloc();
}

bool PlaceTable::take(std::uint64_t hash, Place& out, bool bounded) noexcept {
    const std::size_t most = bounded ? places_max() : 0;
    std::uint32_t entry = 0;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        switch (join(hash, most, entry)) {
            case Found::full:
                return false;
            case Found::taken:
                out = Place(*this, entry);
                return true;
            case Found::none:
                break;
        }
        if (!begin(hash, entry)) break;
        if (!has_other(hash, entry)) {
            out = Place(*this, entry);
            return true;
        }
        give_back(entry);
    }
    uncounted_.fetch_add(1, std::memory_order_relaxed);
    out = Place();
    return true;
}

// One place more for a key that has some.
PlaceTable::Found PlaceTable::join(std::uint64_t hash, std::size_t most,
                                   std::uint32_t& entry) noexcept {
    for (std::size_t step = 0; step < window; ++step) {
        const auto word = this->word(nth(hash, step));
        std::uint64_t seen = word.load();
        while ((seen & count_mask) != 0 && name_of(seen) == name_of(hash)) {
            if (most != 0 && (seen & count_mask) >= most) return Found::full;
            if ((seen & count_mask) == count_mask) return Found::full;
            if (!word.compare_exchange_weak(seen, seen + 1)) continue;
            entry = nth(hash, step);
            return Found::taken;
        }
    }
    return Found::none;
}

// The first place of a key: in the first entry that is free.
bool PlaceTable::begin(std::uint64_t hash, std::uint32_t& entry) noexcept {
    for (std::size_t step = 0; step < window; ++step) {
        std::uint64_t free = 0;
        if (!word(nth(hash, step)).compare_exchange_strong(free, name_of(hash) | 1)) continue;
        entry = nth(hash, step);
        return true;
    }
    return false;
}

bool PlaceTable::has_other(std::uint64_t hash, std::uint32_t entry) const noexcept {
    for (std::size_t step = 0; step < window; ++step) {
        const std::uint64_t seen = word(nth(hash, step)).load();
        if (nth(hash, step) != entry && (seen & count_mask) != 0 && name_of(seen) == name_of(hash))
            return true;
    }
    return false;
}

void PlaceTable::give_back(std::uint32_t entry) noexcept {
    const auto word = this->word(entry);
    std::uint64_t seen = word.load();
    while (!word.compare_exchange_weak(seen, (seen & count_mask) == 1 ? 0 : seen - 1)) {
    }
}

}  // namespace hpfeeds::core
