// SPDX-License-Identifier: Apache-2.0
// limits.hpp: the bounds of the engine.
#pragma once

#include "bytes/limits.hpp"

#include <chrono>
#include <cstddef>

namespace hpfeeds::net {

// Events taken in one turn; more wait for the next.
inline constexpr std::size_t events_per_turn_max = 512;
// Connections accepted in one turn, so that a storm of them does not keep messages waiting.
inline constexpr std::size_t accepts_per_turn_max = 64;
// Logins answered in one turn: each goes on with what the client has already sent, which is tens of
// microseconds of work. More wait for the next turn.
inline constexpr std::size_t answers_per_turn_max = 128;
// Gathered writes for one connection in one turn, so that one fast reader does not keep the others
// waiting.
inline constexpr std::size_t writes_per_turn_max = 16;

// Messages that wait in one shard's mailbox. Full: its senders pause their publishers and try
// again.
inline constexpr std::size_t mailbox_messages_max = 4096;

inline constexpr int listen_backlog = 4096;
// How long accepting rests when the process is out of descriptors.
inline constexpr std::chrono::milliseconds accept_rest{100};
// How long a shard that could not post to another one waits before it tries again.
inline constexpr std::chrono::milliseconds post_retry{1};
// How often memory that a burst left behind, and torn tails that wait, are looked after.
inline constexpr std::chrono::milliseconds housekeeping{1'000};

// Nonces drawn from the system at once.
inline constexpr std::size_t nonces_per_draw = 64;

// TCP keepalive (PROTOCOL.md, "Session" 7), in seconds and probes.
inline constexpr int keepalive_idle_seconds = 10;
inline constexpr int keepalive_interval_seconds = 5;
inline constexpr int keepalive_probes = 3;

// Descriptors that the broker needs for itself: stores, logs, listeners, pollers.
inline constexpr std::size_t reserved_descriptors = 64;

static_assert((mailbox_messages_max & (mailbox_messages_max - 1)) == 0, "a ring is a power of two");

}  // namespace hpfeeds::net
