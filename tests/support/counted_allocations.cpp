// SPDX-License-Identifier: Apache-2.0
#include "support/counted_allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> made{0};
}

// NOLINTBEGIN: replacing the global allocator is the point
void* operator new(std::size_t bytes) {
    made.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
// NOLINTEND

std::size_t hpfeeds::testing::allocations() noexcept {
    return made.load(std::memory_order_relaxed);
}
