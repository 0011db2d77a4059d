// SPDX-License-Identifier: Apache-2.0
// name_table.hpp: from a name to the thing that bears it, for the look-up that every change of
// channel costs.
//
// Open addressing with the hash beside the pointer: a hit is one hash, one probe and one compare.
// The table owns nothing; Thing must have `std::string_view key() const` that stays the same while
// it is in the table.
//
// Threads  owned by one shard.    Errors  nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace hpfeeds::core {

// Good for short names and a bounded table; names are granted by an administrator, so nobody can
// craft collisions.
[[nodiscard]] inline std::uint64_t hash_name(std::string_view name) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15U;
    const auto mix = [](std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    const char* at = name.data();
    std::size_t left = name.size();
    std::uint64_t state = odd ^ (left * 0xff51afd7ed558ccdU);
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        state = mix(state ^ word, odd);
    }
    std::uint64_t word = 0;
    if (left) std::memcpy(&word, at, left);
    return mix(state ^ word, odd ^ 0xc2b2ae3d27d4eb4fU);
}

template <typename Thing>
class NameTable {
public:
    [[nodiscard]] Thing* find(std::string_view name) const noexcept {
        if (count_ == 0) return nullptr;
        const std::uint64_t hash = hash_name(name);
        for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
            const Slot& slot = slots_[i];
            if (!slot.thing) return nullptr;
            if (slot.hash == hash && slot.thing->key() == name) return slot.thing;
        }
    }

    // Requires: nothing with this name is in the table.
    void insert(Thing* thing) noexcept {
        if ((count_ + 1) * 4 > slots_.size() * 3) grow();
        place({hash_name(thing->key()), thing});
        ++count_;
    }

    // Requires: the thing is in the table.
    void erase(const Thing* thing) noexcept {
        std::size_t hole = hash_name(thing->key()) & mask();
        while (slots_[hole].thing != thing)
            hole = (hole + 1) & mask();
        // Close the gap: whatever probed past the hole moves into it.
        for (std::size_t i = (hole + 1) & mask(); slots_[i].thing; i = (i + 1) & mask()) {
            const std::size_t home = slots_[i].hash & mask();
            if (((i - home) & mask()) >= ((i - hole) & mask())) {
                slots_[hole] = slots_[i];
                hole = i;
            }
        }
        slots_[hole] = {};
        if (--count_ == 0) slots_ = {};
    }

    template <typename Visit>
    void for_each(Visit visit) const {
        for (const Slot& slot : slots_)
            if (slot.thing) visit(*slot.thing);
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    struct Slot {
        std::uint64_t hash = 0;
        Thing* thing = nullptr;
    };
    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
    void place(Slot slot) noexcept {
        std::size_t i = slot.hash & mask();
        while (slots_[i].thing)
            i = (i + 1) & mask();
        slots_[i] = slot;
    }
    void grow() noexcept {
        std::vector<Slot> old(slots_.empty() ? 2 : slots_.size() * 2);
        old.swap(slots_);
        for (const Slot& slot : old)
            if (slot.thing) place(slot);
    }

    std::vector<Slot> slots_;  // a power of two
    std::size_t count_ = 0;
};

}  // namespace hpfeeds::core
