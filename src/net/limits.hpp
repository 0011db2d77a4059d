// SPDX-License-Identifier: Apache-2.0
// limits.hpp: the bounds of the engine.
#pragma once

#include "bytes/limits.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::net {

// Events taken in one turn; more wait for the next.
inline constexpr std::size_t events_per_turn_max = 512;
// Read in one turn, about, and as much again from the mailbox: what has been read is copied to
// every reader at the turn's end, and should lie in the second-level cache until then.
inline constexpr std::size_t read_per_turn_bytes = 704 * 1024;
// Connections accepted in one turn, so that a storm of them does not keep messages waiting.
inline constexpr std::size_t accepts_per_turn_max = 64;
// Logins answered in one turn: each goes on with what the client has already sent, which is tens of
// microseconds of work. More wait for the next turn.
inline constexpr std::size_t answers_per_turn_max = 128;
// Writes for one connection, gathered or lent, in one turn, so that one fast reader does not keep
// the others waiting.
inline constexpr std::size_t writes_per_turn_max = 16;

// Messages that wait in one shard's mailbox; and the runs among them may be as long together as
// what one subscriber has queued before it is waited for (core/limits.hpp): a shard that gets no
// processor for a while must not find so much that it cuts a reader for it. Full: its senders pause
// their publishers and try again.
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

// ---- TLS

// What a key, certificate or chain file may hold; a bundle of every public authority is half of it.
inline constexpr std::size_t pem_file_bytes_max = 1024 * 1024;

// A client may resume its session for so long, and the keys of its ticket are kept for longer.
inline constexpr std::chrono::seconds session_life{7'200};
inline constexpr std::chrono::hours ticket_key_age{12};
static_assert(session_life < ticket_key_age);
// Sessions of clients that know no tickets, which are TLS 1.2 and rare; about 1 KiB each.
inline constexpr long cached_sessions_max = 1'024;
// A chain of certificates that a client shows.
inline constexpr long client_certificates_bytes_max = 32 * 1024;

// Connections in handshake: 50 KiB each while OpenSSL is at it. One more takes the place of the
// oldest, so that those who stand in the door and say nothing keep nobody out.
inline constexpr std::size_t handshakes_max = 2'048;
// What a peer that was refused in the door has sent is read and thrown away up to here: closing a
// socket with unread bytes would reset the connection, and take the alert back.
inline constexpr std::size_t discarded_at_door_bytes_max = 64 * 1024;
// Orders for the door: roll-overs and the end.
inline constexpr std::size_t door_messages_max = 64;
// How much nicer than the shards the door is to the scheduler: a storm of handshakes, which are
// arithmetic, shall not keep messages waiting on a machine with few cores.
inline constexpr int door_niceness = 5;

// Plaintext of one record, the most that TLS allows; and what encryption adds to it, generously.
inline constexpr std::size_t record_bytes_max = 16 * 1024;
inline constexpr std::size_t record_overhead_bytes_max = 256;
// Records that are encrypted, then sent with one call. What the socket does not take of them is
// kept for the connection, in one slab.
inline constexpr std::size_t records_per_send = 3;
// Answers of OpenSSL's own (key updates, alerts) beside them; with no room left, it is not read
// from.
inline constexpr std::size_t tls_answers_bytes_max = 1'024;
inline constexpr std::size_t ciphertext_bytes_max =
    records_per_send * (record_bytes_max + record_overhead_bytes_max) + tls_answers_bytes_max;
static_assert(ciphertext_bytes_max <= bytes::slab_bytes - 64);

// What OpenSSL reads from a socket at once: one full record, and what is behind it.
inline constexpr std::size_t tls_receive_bytes = 33 * 1024;
// Ciphertext taken from one connection in one turn, be its records as small as they may.
inline constexpr std::size_t ciphertext_per_read_bytes_max = 64 * 1024;
// AES-GCM wants new keys after 2^24.5 full records (RFC 8446, 5.5).
inline constexpr std::uint64_t records_per_key_max = std::uint64_t{1} << 23;

static_assert((mailbox_messages_max & (mailbox_messages_max - 1)) == 0, "a ring is a power of two");
static_assert((door_messages_max & (door_messages_max - 1)) == 0, "a ring is a power of two");

}  // namespace hpfeeds::net
