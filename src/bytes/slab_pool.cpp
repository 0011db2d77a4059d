// SPDX-License-Identifier: Apache-2.0
#include "bytes/slab_pool.hpp"

#include <malloc.h>
#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <new>
#include <utility>

namespace hpfeeds::bytes {
namespace {

// Capacities leave room for the header, so that a slab with its header is a power of two or a
// multiple of one.
constexpr std::size_t standard_capacity = slab_bytes - sizeof(Slab);
constexpr std::size_t small_capacity = small_slab_bytes - sizeof(Slab);

// Its address tells threads apart for less than a thread id costs.
thread_local char this_thread;

// The C library keeps what is freed below anything that is still in use: a connection that came
// during a burst would hold all of its memory.
void give_back_to_system() noexcept {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace

void Slab::go_home() noexcept {
    home->come_home(this);
}

SlabPool::SlabPool(MemoryBudget& budget, std::size_t lendable_slabs) noexcept
    : budget_(&budget), owner_thread_(&this_thread), lendable_memory_(lendable_slabs) {}

SlabPool::~SlabPool() {
    for (const FreeList* list : {&small_, &standard_, &lendable_})
        destroy_all(list->head);
    for (const FreeList& list : large_)
        destroy_all(list.head);
    destroy_all(returned_.load(std::memory_order_acquire));
}

void SlabPool::bind_to_this_thread() noexcept {
    owner_thread_ = &this_thread;
}

std::size_t SlabPool::capacity_for(std::size_t bytes) noexcept {
    if (bytes <= small_capacity) return small_capacity;
    if (bytes <= standard_capacity) return standard_capacity;
    const std::size_t whole = bytes + sizeof(Slab);
    return (whole + slab_bytes - 1) / slab_bytes * slab_bytes - sizeof(Slab);
}

SlabPool::FreeList& SlabPool::list_of(std::size_t capacity) noexcept {
    if (capacity == small_capacity) return small_;
    if (capacity == standard_capacity) return standard_;
    return large_[std::min((capacity + sizeof(Slab)) / slab_bytes, large_slab_classes) - 1];
}

Slab* SlabPool::take_kept(FreeList& list, std::size_t capacity) noexcept {
    if (!list.head) collect_returned();
    Slab* slab = list.head;
    if (!slab || slab->capacity != capacity) return nullptr;
    budget_->add(capacity);
    list.head = slab->next;
    list.idle_count_min = std::min(list.idle_count_min, --list.count);
    if (capacity > standard_capacity) kept_large_bytes_ -= capacity;
    slab->references.store(1, std::memory_order_relaxed);
    slab->used = 0;
    slab->next = nullptr;
    return slab;
}

Slab* SlabPool::make(void* memory, std::size_t capacity) noexcept {
    if (!memory) std::abort();
    budget_->add(capacity);
    grew_ = true;
    auto* slab = new (memory) Slab;
    slab->capacity = static_cast<std::uint32_t>(capacity);
    slab->home = this;
    return slab;
}

Slab* SlabPool::take(std::size_t bytes) noexcept {
    const std::size_t capacity = capacity_for(bytes);
    if (Slab* slab = take_kept(list_of(capacity), capacity)) return slab;
    return make(std::malloc(sizeof(Slab) + capacity), capacity);
}

Slab* SlabPool::take_to_receive() noexcept {
    if (Slab* slab = take_kept(lendable_, standard_capacity)) return slab;
    std::byte* data = lendable_memory_.take();
    if (!data) return take(standard_capacity);
    Slab* slab = make(data - sizeof(Slab), standard_capacity);
    slab->lendable = true;
    return slab;
}

void SlabPool::destroy(Slab* slab) noexcept {
    if (slab->lendable) {
        std::byte* data = slab->data();
        slab->~Slab();
        return lendable_memory_.give_back(data);
    }
    freed_bytes_ += slab->capacity;
    slab->~Slab();
    std::free(slab);
}

void SlabPool::destroy_all(Slab* slab) noexcept {
    while (slab)
        destroy(std::exchange(slab, slab->next));
}

void SlabPool::come_home(Slab* slab) noexcept {
    budget_->subtract(slab->capacity);
    if (owner_thread_ == &this_thread) return keep(slab);
    Slab* head = returned_.load(std::memory_order_relaxed);
    do {
        slab->next = head;
    } while (!returned_.compare_exchange_weak(head, slab, std::memory_order_release,
                                              std::memory_order_relaxed));
}

bool SlabPool::may_keep(const Slab& slab, const FreeList& list) const noexcept {
    if (slab.capacity == small_capacity) return list.count < kept_small_slabs_max;
    if (slab.capacity == standard_capacity) return list.count < kept_slabs_max;
    return slab.capacity <= large_slab_bytes_max - sizeof(Slab) &&
           kept_large_bytes_ + slab.capacity <= kept_large_bytes_max;
}

void SlabPool::keep(Slab* slab) noexcept {
    const std::size_t capacity = slab->capacity;
    FreeList& list = slab->lendable ? lendable_ : list_of(capacity);
    if (!may_keep(*slab, list)) return destroy(slab);
    if (slab->lent.load(std::memory_order_relaxed)) {
        assert(slab->lendable);
        // With its old pages, which a reader may have yet, nobody may use it again.
        if (!lendable_memory_.renew(slab->data())) return slab->~Slab();
        slab->lent.store(false, std::memory_order_relaxed);
    }
    if (capacity > standard_capacity) kept_large_bytes_ += capacity;
    slab->next = list.head;
    list.head = slab;
    ++list.count;
}

void SlabPool::collect_returned() noexcept {
    Slab* slab = returned_.exchange(nullptr, std::memory_order_acquire);
    while (slab)
        keep(std::exchange(slab, slab->next));
}

bool SlabPool::trim() noexcept {
    collect_returned();
    bool more = false;
    const auto trim_list = [&](FreeList& list) {
        std::size_t surplus = (list.idle_count_min + 1) / 2;
        for (; surplus && list.head; --surplus) {
            Slab* slab = list.head;
            list.head = slab->next;
            --list.count;
            if (slab->capacity > standard_capacity) kept_large_bytes_ -= slab->capacity;
            destroy(slab);
        }
        list.idle_count_min = list.count;
        more = more || list.count > 0;
    };
    trim_list(small_);
    trim_list(standard_);
    trim_list(lendable_);
    for (FreeList& list : large_)
        trim_list(list);
    // Not while the pool grows again and again: the pages would only come back.
    const bool grows = std::exchange(grew_, false);
    if (freed_bytes_ >= returned_bytes_min && !grows) {
        give_back_to_system();
        freed_bytes_ = 0;
    }
    return more || freed_bytes_ >= returned_bytes_min;
}

}  // namespace hpfeeds::bytes
