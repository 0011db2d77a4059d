// SPDX-License-Identifier: Apache-2.0
// counted_allocations.hpp: how often this program has allocated with new.
//
// counted_allocations.cpp replaces the global allocator of the program it is a source of: a test
// that holds a path to allocating nothing lists it (hpfeeds_counts_allocations), and no other does.
//
// Threads    counts those of all threads; may be called from any.
#pragma once

#include <cstddef>

namespace hpfeeds::testing {

[[nodiscard]] std::size_t allocations() noexcept;

}  // namespace hpfeeds::testing
