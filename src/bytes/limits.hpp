// SPDX-License-Identifier: Apache-2.0
// limits.hpp: the sizes of message memory. All figures are bytes unless their name says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hpfeeds::bytes {

// 64 KiB stays in the second-level cache while it is filled and sent; larger slabs measured slower.
inline constexpr std::size_t slab_bytes = 64 * 1024;
// For control frames and for the copied backlog of a reader that is a little late.
inline constexpr std::size_t small_slab_bytes = 4 * 1024;
// A slab with less room than twice what the last read brought, within these two, is not read into
// again: a read should bring many frames when there are many.
inline constexpr std::size_t good_read_bytes_max = 16 * 1024;
inline constexpr std::size_t good_read_bytes_min = 2 * 1024;

// Receive slabs for which each shard has memory that sockets may borrow, 64 MiB and a page each for
// their headers; more are copied from.
inline constexpr std::size_t lendable_slabs_max = 1'024;
// Pages are lent where copying would cost more: a long piece of a slab that has so many references,
// nearly all of which are readers, that other pages in place of the lent ones cost little for each.
inline constexpr std::size_t lent_piece_bytes_min = 16 * 1024;
inline constexpr std::uint32_t lent_references_min = 32;

// Large frames get a slab of their own, of a multiple of slab_bytes, kept for the next one.
inline constexpr std::size_t large_slab_classes = 32;
inline constexpr std::size_t large_slab_bytes_max = slab_bytes * large_slab_classes;

// Free slabs that a pool keeps; more go back to the system at once.
inline constexpr std::size_t kept_slabs_max = 128;
inline constexpr std::size_t kept_small_slabs_max = 256;
inline constexpr std::size_t kept_large_bytes_max = 8 * 1024 * 1024;

// Freed memory below this is not worth asking the C library to return it.
inline constexpr std::size_t returned_bytes_min = 256 * 1024;

// Nodes of queues that a shard keeps while nobody needs them, 16 MiB: one for each of so many
// subscribers that are written to in one turn.
inline constexpr std::size_t kept_nodes_max = 65'536;

// A reader that is late gets a run shorter than this as a copy: a reference would pin a whole slab
// for it.
inline constexpr std::size_t copy_below_bytes = 4 * 1024;
// The same once a quarter of the memory budget is in use.
inline constexpr std::size_t copy_below_bytes_scarce = slab_bytes / 2;

// Pieces of one gathered write. Linux takes 1024; more than 64 gained nothing.
inline constexpr std::size_t gather_pieces_max = 64;

static_assert(good_read_bytes_max < slab_bytes);
static_assert(copy_below_bytes <= small_slab_bytes);
static_assert(copy_below_bytes_scarce < slab_bytes);

}  // namespace hpfeeds::bytes
