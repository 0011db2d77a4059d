// SPDX-License-Identifier: Apache-2.0
// slab.hpp: counted memory that received bytes land in and outgoing bytes are sent from.
//
//   | header | used: bytes that were received or copied in … | free … |
//            ^ data()                                        ^ data() + used
//
// Bytes below `used` never change again while anybody else holds a reference, so they may be read
// from any thread; those of a slab that was lent to the kernel not before it has been given other
// pages (lendable_memory.hpp).
//
// Threads    the count is atomic; `used` belongs to whoever fills the slab. The last release()
// returns the slab to its
//            home pool from any thread.
// Ownership  a slab is born with one reference, its taker's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::bytes {

class SlabPool;

struct Slab {
    std::atomic<std::uint32_t> references{1};
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;
    bool lendable = false;          // lies in the home pool's LendableMemory
    std::atomic<bool> lent{false};  // the kernel may have pages of it: it is never rewound
    SlabPool* home = nullptr;
    Slab* next = nullptr;  // while free: the pool's list

    [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] const std::byte* data() const noexcept {
        return reinterpret_cast<const std::byte*>(this + 1);
    }
    [[nodiscard]] std::uint32_t room() const noexcept { return capacity - used; }

    void add_references(std::uint32_t count) noexcept {
        references.fetch_add(count, std::memory_order_relaxed);
    }
    // Gives back `count` references; with the last one the slab goes home.
    void release(std::uint32_t count = 1) noexcept {
        // Alone with it: nobody can take a reference meanwhile, so no locked instruction is needed.
        if (references.load(std::memory_order_acquire) == count ||
            references.fetch_sub(count, std::memory_order_acq_rel) == count)
            go_home();
    }

private:
    void go_home() noexcept;
};
static_assert(sizeof(Slab) % 16 == 0, "the bytes behind the header stay aligned");

}  // namespace hpfeeds::bytes
