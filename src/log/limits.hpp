// SPDX-License-Identifier: Apache-2.0
// limits.hpp: how much the log may hold and how long a value in it may be.
#pragma once

#include <cstddef>

namespace hpfeeds::log {

// Lines waiting for the writer thread. A terminal that hangs costs at most this many lines of
// memory, and the newest are kept: they tell what is happening now.
inline constexpr std::size_t queue_lines_max = 2'048;

// Raw bytes of one value, before escaping. An ident or a channel has 255 at most; a reason fits as
// well. What is longer comes from a peer that wants to fill the disk.
inline constexpr std::size_t value_bytes_max = 512;

// A denied SUBSCRIBE may name a channel of a megabyte, so values must be cut long before that.
inline constexpr std::size_t string_bytes_max = 255;
static_assert(value_bytes_max >= 2 * string_bytes_max, "an ident is never cut");

}  // namespace hpfeeds::log
