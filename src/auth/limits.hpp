// SPDX-License-Identifier: Apache-2.0
// limits.hpp: how large keys, key files and the desk may be.
#pragma once

#include <chrono>
#include <cstddef>

namespace hpfeeds::auth {

// An ident and a PUBLISH channel travel behind one length byte.
inline constexpr std::size_t ident_bytes_max = 255;
inline constexpr std::size_t channel_bytes_max = 255;
// Hashed at every login of its key, so not without a bound.
inline constexpr std::size_t secret_bytes_max = 64 * 1024;
// A label of metrics and a column of tables.
inline constexpr std::size_t owner_bytes_max = 4096;
// Of one key and direction; a logger of every channel there is has a few hundred.
inline constexpr std::size_t channels_max = 131'072;

// About 400 000 keys.
inline constexpr std::size_t json_file_bytes_max = 64UL * 1024 * 1024;
// Of JSON that we skip in a key file; we ourselves need three levels.
inline constexpr std::size_t json_depth_max = 64;
// The JSON text of one list in one row: read at every login, so less than a file may have.
inline constexpr std::size_t json_list_bytes_max = 1024 * 1024;

// A look-up that meets a locked database holds one worker that long, a change one person at a
// terminal.
inline constexpr std::chrono::milliseconds sqlite_lookup_wait{2'000};
inline constexpr std::chrono::milliseconds sqlite_write_wait{5'000};
// Connections kept open between look-ups: the workers there can be.
inline constexpr std::size_t sqlite_idle_max = 64;

inline constexpr unsigned desk_workers_max = 64;
// Each waiting look-up has its own 288 bytes: at most 300 MB.
inline constexpr std::size_t desk_queue_max = 1'048'576;

inline constexpr unsigned symlinks_max = 40;  // as many as Linux follows

static_assert(json_list_bytes_max <= json_file_bytes_max);

}  // namespace hpfeeds::auth
