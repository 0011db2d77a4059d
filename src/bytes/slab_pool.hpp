// SPDX-License-Identifier: Apache-2.0
// slab_pool.hpp: where a shard's slabs come from and go back to; and the budget that all pools
// share.
//
// After warm-up taking and returning a slab allocates nothing: free slabs are kept, up to
// limits.hpp's bounds. trim() gives back what a burst left behind.
//
// Units      bytes; a slab counts with its capacity.
// Threads    one thread owns the pool (the one that called bind_to_this_thread(), at first the one
// that built it) and
//            alone may take and trim. Slabs may be released on any thread: foreign ones come home
//            through a lock-free list. MemoryBudget may be read and changed by any thread.
// Ownership  the pool must outlive every slab it gave.
// Errors     out of memory ends the process.
#pragma once

#include "bytes/lendable_memory.hpp"
#include "bytes/limits.hpp"
#include "bytes/slab.hpp"

#include <array>
#include <atomic>
#include <cstddef>

namespace hpfeeds::bytes {

// Message memory in use by all shards, and how much there may be.
class MemoryBudget {
public:
    explicit MemoryBudget(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    [[nodiscard]] std::size_t in_use_bytes() const noexcept {
        return in_use_bytes_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t bytes_max() const noexcept {
        return bytes_max_.load(std::memory_order_relaxed);
    }
    void set_bytes_max(std::size_t bytes) noexcept {
        bytes_max_.store(bytes, std::memory_order_relaxed);
    }
    [[nodiscard]] bool exceeded() const noexcept { return in_use_bytes() > bytes_max(); }
    // From here on late readers get copies instead of references, so that they pin less.
    [[nodiscard]] bool scarce() const noexcept { return in_use_bytes() > bytes_max() / 4; }

    void add(std::size_t bytes) noexcept {
        in_use_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }
    void subtract(std::size_t bytes) noexcept {
        in_use_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    }

private:
    std::atomic<std::size_t> in_use_bytes_{0};
    std::atomic<std::size_t> bytes_max_;
};

class SlabPool {
public:
    // With memory for so many slabs that sockets may borrow.
    explicit SlabPool(MemoryBudget& budget, std::size_t lendable_slabs = 0) noexcept;
    ~SlabPool();
    SlabPool(const SlabPool&) = delete;
    SlabPool& operator=(const SlabPool&) = delete;

    void bind_to_this_thread() noexcept;

    // A slab with one reference, nothing used, and room for at least `bytes`.
    [[nodiscard]] Slab* take(std::size_t bytes) noexcept;

    // A slab of slab_bytes to receive in, which may be lent when there is memory for that.
    [[nodiscard]] Slab* take_to_receive() noexcept;
    // Where the data of a lendable slab, of any pool, lies in a file.
    [[nodiscard]] static LendableMemory::FilePlace file_place(const Slab& slab) noexcept {
        return slab.home->lendable_memory_.place_of(slab.data());
    }

    // Frees half of the slabs that nobody has needed since the last call, and returns to the system
    // what was freed; true while there may be more to free or to return.
    bool trim() noexcept;

    [[nodiscard]] MemoryBudget& budget() noexcept { return *budget_; }

private:
    friend struct Slab;
    struct FreeList {
        Slab* head = nullptr;
        std::size_t count = 0;
        std::size_t idle_count_min = 0;  // the fewest that lay here since the last trim
    };

    [[nodiscard]] Slab* take_kept(FreeList& list, std::size_t capacity) noexcept;
    [[nodiscard]] Slab* make(void* memory, std::size_t capacity) noexcept;
    void destroy(Slab* slab) noexcept;
    void destroy_all(Slab* slab) noexcept;
    void come_home(Slab* slab) noexcept;
    void keep(Slab* slab) noexcept;
    void collect_returned() noexcept;
    [[nodiscard]] FreeList& list_of(std::size_t capacity) noexcept;
    [[nodiscard]] bool may_keep(const Slab& slab, const FreeList& list) const noexcept;
    [[nodiscard]] static std::size_t capacity_for(std::size_t bytes) noexcept;

    MemoryBudget* budget_;
    const void* owner_thread_;
    LendableMemory lendable_memory_;
    FreeList small_, standard_, lendable_;
    std::array<FreeList, large_slab_classes> large_;
    std::size_t freed_bytes_ = 0;  // and perhaps not yet returned to the system
    bool grew_ = false;            // since the last trim()
    std::size_t kept_large_bytes_ = 0;
    std::atomic<Slab*> returned_{nullptr};  // released by other threads
};

}  // namespace hpfeeds::bytes
