// SPDX-License-Identifier: Apache-2.0
// limits.hpp: the bounds of a client that its user does not choose (those are in options.hpp).
#pragma once

#include "wire/limits.hpp"

#include <chrono>
#include <cstddef>

namespace hpfeeds::client {

// What one read takes from the socket at most, and one piece of the outbox gives to it: large
// enough that the system call costs little per message, small enough to stay in the cache.
inline constexpr std::size_t read_bytes_max = 65'536;
inline constexpr std::size_t outbox_chunk_bytes = 65'536;
// A session that publishes a little now and then owns no more than this, and only meanwhile.
inline constexpr std::size_t outbox_first_chunk_bytes = 2'048;
// Chunks that are kept for the next burst instead of being freed.
inline constexpr std::size_t spare_chunks_max = 16;
// What it costs to keep a frame, besides its bytes; counted, so that millions of empty messages are
// bounded, too.
inline constexpr std::size_t outbox_frame_overhead_bytes = 32;
inline constexpr std::size_t outbox_bytes_min =
    wire::publish_frame_bytes_max + outbox_frame_overhead_bytes;
static_assert(outbox_chunk_bytes < outbox_bytes_min, "a bound of the outbox holds several chunks");

// A login is not answered when it is right. For so long after it, what was sent is kept, because an
// ERROR or an end of file may still say that it was wrong. Brokers that slow failed logins down do
// so by about a second (client-quirk 10).
inline constexpr std::chrono::milliseconds login_doubt{3'000};
// A connection that lasted this long was a good one: the next wait is short again.
inline constexpr std::chrono::seconds good_connection{10};

// Received messages that nobody has read: above it the client stops reading, and the broker slows
// down or gives us up.
inline constexpr std::size_t inbox_bytes_max = 256U << 10;
// What one read brought is copied for the reader below this, and handed over as it lies above.
inline constexpr std::size_t handed_over_bytes_min = read_bytes_max / 4;
// Slabs that are kept for the next reads instead of being freed.
inline constexpr std::size_t spare_slabs_max = 8;
// Troubles that nobody has heard about: the first ones and the latest are kept.
inline constexpr std::size_t troubles_max = 16;

// A turn that sent so much was a busy one: the thread then looks again after a nap instead of being
// woken, because a wake-up costs as much as publishing dozens of messages.
inline constexpr std::size_t busy_turn_bytes = 4'096;
inline constexpr std::chrono::microseconds busy_nap{200};
// The same of a turn that read so much: what comes meanwhile is then read at once.
inline constexpr std::size_t busy_read_bytes = 16'384;

// How long a spool's file may keep us waiting for another process that has it.
inline constexpr std::chrono::milliseconds spool_patience{250};
// What an event costs in the file besides its bytes.
inline constexpr std::size_t spool_event_overhead_bytes = 48;
// What is taken from the spool ahead of what the broker's system has acknowledged.
inline constexpr std::size_t spool_window_bytes = 4U << 20;
static_assert(spool_window_bytes > outbox_bytes_min, "the longest message fits into the window");
// How often to ask the system what was acknowledged, while something is not.
inline constexpr std::chrono::milliseconds acknowledgement_poll{5};

// Of a session: operations of one kind that wait, beyond which they fail at once.
inline constexpr std::size_t waiting_operations_max = 1024;
// Messages in one batch, and system calls of its socket in one turn, so that a busy session leaves
// room for others.
inline constexpr std::size_t batch_messages_max = 1024;
inline constexpr std::size_t turn_steps_max = 16;

}  // namespace hpfeeds::client
