// SPDX-License-Identifier: Apache-2.0
// place_table.hpp: how many places each key has taken, of at most so many: connections of an
// address, sessions of an ident.
//
// The one table of the broker that its threads share. It is looked at when a connection comes, logs
// in or goes, never for a message, and has no lock: a key's entry is one word, the key's hash and
// how many places it has, and is changed by compare-and-swap. An entry without places is free. A
// key's entry is among the `window` words behind the place that its hash names, so that a look-up
// is bounded; the table has four times as many words as there can be keys.
// Words that were never used are pages that are not there.
//
// Units      places.
// Threads    any. Two threads that take a key's first place at once find each other's entry and
//            agree on one, so that the bound holds exactly.
// Ownership  the table outlives its places.
// Errors     nothing throws but the constructor (std::bad_alloc). A key for which the window has no
//            room is let in uncounted, and that is counted: a full table shall keep nobody out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

namespace hpfeeds::core {

class PlaceTable {
public:
    // One place of one key, or none; given back with it.
    class Place {
    public:
        Place() noexcept = default;
        Place(Place&& other) noexcept
            : table_(std::exchange(other.table_, nullptr)), entry_(other.entry_) {}
        Place& operator=(Place&& other) noexcept {
            Place taken(std::move(other));
            std::swap(table_, taken.table_);
            std::swap(entry_, taken.entry_);
            return *this;
        }
        ~Place() {
            if (table_) table_->give_back(entry_);
        }
        [[nodiscard]] bool taken() const noexcept { return table_ != nullptr; }
        // Which entry its key has while it has places. Requires: taken().
        [[nodiscard]] std::uint32_t entry() const noexcept { return entry_; }

    private:
        friend class PlaceTable;
        Place(PlaceTable& table, std::uint32_t entry) noexcept : table_(&table), entry_(entry) {}
        PlaceTable* table_ = nullptr;
        std::uint32_t entry_ = 0;
    };

    // `keys_max`: as many keys as there can be at once, at most keys_most. `places_max`: of each
    // key; 0: any number, counted all the same.
    PlaceTable(std::size_t keys_max, std::size_t places_max);

    // Takes a place of the key with this hash (core/keyed_hash.hpp). False when it has all it may;
    // who is not `bounded` may have any number, which are counted all the same.
    [[nodiscard]] bool take(std::uint64_t hash, Place& out, bool bounded = true) noexcept;

    // For places that are taken from now on; nobody loses one.
    void set_places_max(std::size_t places_max) noexcept {
        places_max_.store(places_max, std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t places_max() const noexcept {
        return places_max_.load(std::memory_order_relaxed);
    }
    // Entries there are, numbered from 0.
    [[nodiscard]] std::size_t entry_count() const noexcept { return mask_ + 1; }
    // How often there was no room to count in.
    [[nodiscard]] std::uint64_t uncounted() const noexcept {
        return uncounted_.load(std::memory_order_relaxed);
    }

    // A table of 4 MiB. With more keys it fills up, and some are let in uncounted.
    static constexpr std::size_t keys_most = std::size_t{1} << 17;
    static constexpr std::size_t window = 32;

private:
    // Of a word: below, how many places; above, what is left of the hash.
    static constexpr unsigned count_bits = 21;
    static constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;

    enum class Found : std::uint8_t { taken, full, none };
    [[nodiscard]] Found join(std::uint64_t hash, std::size_t most, std::uint32_t& entry) noexcept;
    [[nodiscard]] bool begin(std::uint64_t hash, std::uint32_t& entry) noexcept;
    [[nodiscard]] bool has_other(std::uint64_t hash, std::uint32_t entry) const noexcept;
    void give_back(std::uint32_t entry) noexcept;

    struct Free {
        void operator()(std::uint64_t* words) const noexcept { std::free(words); }
    };
    [[nodiscard]] std::atomic_ref<std::uint64_t> word(std::uint32_t entry) const noexcept {
        return std::atomic_ref(words_[entry]);
    }
    [[nodiscard]] std::uint32_t nth(std::uint64_t hash, std::size_t step) const noexcept {
        return static_cast<std::uint32_t>((hash + step) & mask_);
    }
    [[nodiscard]] static std::uint64_t name_of(std::uint64_t hash) noexcept {
        return hash & ~count_mask;
    }

    std::size_t mask_;
    std::unique_ptr<std::uint64_t[], Free> words_;
    std::atomic<std::size_t> places_max_;
    std::atomic<std::uint64_t> uncounted_{0};
};

}  // namespace hpfeeds::core
