// SPDX-License-Identifier: Apache-2.0
// limits.hpp: how far each number on the command line may go, and why.
#pragma once

#include "config/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::config {

// What an option may be, both ends included.
template <typename Value>
struct Bounds {
    Value least;
    Value most;

    [[nodiscard]] constexpr bool contain(Value value) const {
        return least <= value && value <= most;
    }
};

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
inline constexpr std::size_t gib = 1024 * mib;

// INFO carries the broker's name behind one length byte.
inline constexpr std::size_t name_bytes_max = 255;
// Linux: IFNAMSIZ is 16, one of them the closing zero.
inline constexpr std::size_t device_bytes_max = 15;
// systemd: FDNAME_MAX.
inline constexpr std::size_t socket_name_bytes_max = 255;
// Linux: sun_path holds 108, one of them the closing zero.
inline constexpr std::size_t socket_path_bytes_max = 107;
// An endpoint behind balancers looks through them at each connection.
inline constexpr std::size_t trusted_networks_max = 64;
// Each endpoint is a socket that every shard watches; more of them is a mistake in a script.
inline constexpr std::size_t endpoints_max = 64;
// Stores are asked one after another at every login.
inline constexpr std::size_t auth_sources_max = 16;

// A configuration sets each flag at most once; the manual with every comment is a hundredth of
// this.
inline constexpr std::size_t settings_file_bytes_max = 1 * mib;

// One shard a core, on the largest machines we know of.
inline constexpr Bounds<unsigned> threads{1, 64};
inline constexpr unsigned threads_auto = 0;  // what suits the machine, which config does not know
// 0 stands for "what the descriptor limit allows"; Linux gives a process 2^20 descriptors unless
// told otherwise.
inline constexpr Bounds<std::size_t> connections{0, 1'048'576};
// Of one address, or one ident. 0 is no limit of its own.
inline constexpr Bounds<std::size_t> connections_of_one{0, connections.most};
// A network behind one address has hundreds of sensors rather than thousands.
inline constexpr std::size_t connections_per_address_default = 1'024;

using std::chrono::milliseconds;
// Zero would cut everybody; beyond ten minutes silent peers are not being cut at all.
inline constexpr Bounds<milliseconds> login_deadline{milliseconds{1}, milliseconds{600'000}};
// Zero answers at once. Clients that wait longer than a minute for an ERROR are not known.
inline constexpr Bounds<milliseconds> refusal_delay{milliseconds{0}, milliseconds{60'000}};
// Zero lets every failed login wait for one pause. A connection that waits takes a place.
inline constexpr Bounds<milliseconds> refusal_delay_max{milliseconds{0}, milliseconds{600'000}};
// Zero cuts at once; service managers kill after 90 s, unless told otherwise.
inline constexpr Bounds<milliseconds> shutdown_grace{milliseconds{0}, milliseconds{600'000}};
// As long; nobody waits for a process that was replaced.
inline constexpr Bounds<milliseconds> drain_timeout{milliseconds{0}, milliseconds{600'000}};
// A subscriber over its high mark needs some time to read; an hour of backlog is not a feed any
// more.
inline constexpr Bounds<milliseconds> slow_deadline{milliseconds{1}, milliseconds{3'600'000}};

// No frame limit may be below what AUTH and INFO can need (281). The largest frames met in the
// field are 16 MiB (client-quirk 14); four times that is room to experiment.
inline constexpr Bounds<std::size_t> frame_bytes{281, 64 * mib};
// A second, of one ident; 0 is no limit. The most are beyond what one broker carries.
inline constexpr Bounds<std::size_t> publish_rate{0, 100'000'000};
inline constexpr Bounds<std::size_t> publish_bytes{0, 64 * gib};
// The low mark is a quarter of it, and must still hold something.
inline constexpr Bounds<std::size_t> slow_high_bytes{1 * kib, 64 * gib};
inline constexpr Bounds<std::size_t> subscriber_bytes{1 * kib, 64 * gib};
// Every shard needs some slabs to read into at all; a tebibyte is more than machines have.
inline constexpr Bounds<std::size_t> memory_bytes{1 * mib, 1024 * gib};

// Workers mostly wait for a disk or a database. 64 connections are as much as one broker should ask
// of it.
inline constexpr Bounds<unsigned> auth_workers{1, 64};
// A store that has not answered for a minute will not; less than a few milliseconds is no network.
inline constexpr Bounds<std::chrono::milliseconds> auth_timeout{std::chrono::milliseconds(10),
                                                                std::chrono::seconds(60)};
// A look-up that waits is a few hundred bytes; a full queue refuses, so this bounds a login storm.
inline constexpr Bounds<std::size_t> auth_queue{1, 1'048'576};

// Zero does not poll. Below a few seconds it is a load test of the store; beyond a day nobody waits
// for it.
inline constexpr Bounds<milliseconds> recheck{milliseconds{0}, milliseconds{86'400'000}};

static_assert(frame_bytes.most <= subscriber_bytes.most, "a queue can hold the largest frame");
static_assert(slow_high_bytes.most <= subscriber_bytes.most, "the high mark can be reached");
static_assert(subscriber_bytes.most <= memory_bytes.most, "one subscriber fits into memory");

}  // namespace hpfeeds::config
