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
// Changed idents that are told one by one; of more, any may have changed.
inline constexpr std::size_t told_idents_max = 1'000;
// Of JSON that we skip in a key file; we ourselves need three levels.
inline constexpr std::size_t json_depth_max = 64;
// The JSON text of one list in one row: read at every login, so less than a file may have.
inline constexpr std::size_t json_list_bytes_max = 1024 * 1024;

// A change that meets a locked database holds one person at a terminal that long.
inline constexpr std::chrono::milliseconds sqlite_write_wait{5'000};
// Connections kept open between look-ups: the workers there can be.
inline constexpr std::size_t sqlite_idle_max = 64;
inline constexpr std::size_t sql_idle_max = 64;
// Accounts that a connection to an SQLite file still knows, and the bytes of their rows: of a fleet
// whose sensors have keys of their own, and at most some MB for each worker.
inline constexpr std::size_t known_keys_max = 4096;
inline constexpr std::size_t known_keys_bytes_max = 1024 * 1024;
// How long a change or a list at a terminal may wait for an SQL server.
inline constexpr std::chrono::milliseconds sql_write_wait{10'000};

// A person who lists a large collection waits that long for one answer of a MongoDB server.
inline constexpr std::chrono::milliseconds mongo_manage_timeout{30'000};
// How often a look-up whose connection broke at once is tried on another one.
inline constexpr int mongo_asks_again_max = 3;
// A server that has just begun may break what comes in its first moments: not all attempts at once.
inline constexpr std::chrono::milliseconds mongo_asks_again_pause{100};
// Longer than this, and a look-up has gone through a whole collection (mongo_read_ahead.hpp); an
// index takes less than one millisecond.
inline constexpr std::chrono::milliseconds mongo_slow_lookup{20};
// For how long such a collection is known once it was read, so how late a change may be noticed.
inline constexpr std::chrono::milliseconds mongo_read_ahead_age{1'000};
// How many keys are kept then: about 20 MB.
inline constexpr std::size_t mongo_read_ahead_max = 20'000;
// Until it is tried again, when there were more, or the server failed.
inline constexpr std::chrono::seconds mongo_read_ahead_pause{10};
// The most that a URL may ask for, so that a look-up always ends.
inline constexpr std::chrono::milliseconds mongo_timeout_max{60'000};

// Of one key store.
inline constexpr unsigned desk_workers_max = 64;
// Each waiting look-up has its own 288 bytes: at most 300 MB.
inline constexpr std::size_t desk_queue_max = 1'048'576;
// How long one look-up may take, once a worker has begun it.
inline constexpr std::chrono::milliseconds lookup_timeout{2'000};
// On top of it before the lane gives up, so that the store's own words on what failed come first.
inline constexpr std::chrono::milliseconds lookup_grace{100};

inline constexpr unsigned symlinks_max = 40;  // as many as Linux follows

static_assert(json_list_bytes_max <= json_file_bytes_max);
static_assert(lookup_timeout <= mongo_manage_timeout);
static_assert(mongo_manage_timeout <= mongo_timeout_max);

}  // namespace hpfeeds::auth
