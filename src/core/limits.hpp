// SPDX-License-Identifier: Apache-2.0
// limits.hpp: the bounds of a shard. Sizes are bytes; durations say their unit.
#pragma once

#include "bytes/limits.hpp"
#include "wire/limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::core {

// What is done with a subscriber that has too much queued.
enum class SlowPolicy : std::uint8_t {
    disconnect,   // cut it, as documented: at the deadline, or at once at the hard cap
    drop_newest,  // keep it; what does not fit is dropped (client-quirk 18)
    drop_oldest,  // keep it; the oldest whole frames make room
};

// What an operator may set; defaults are PROTOCOL.md's.
struct Limits {
    std::size_t publish_frame_bytes_max = wire::publish_frame_bytes_max;
    // A longer PUBLISH is accepted, and handed to nobody: some subscribers take a long one for a
    // broken connection (client-quirk 14). 0: all that are accepted.
    std::size_t delivered_frame_bytes_max = 0;

    SlowPolicy slow_policy = SlowPolicy::disconnect;
    std::size_t slow_high_bytes = 50 * wire::publish_frame_bytes_max;
    std::chrono::milliseconds slow_deadline{60'000};
    std::size_t subscriber_bytes_max = 64 * 1024 * 1024;

    std::chrono::milliseconds login_deadline{10'000};
    std::chrono::milliseconds refusal_delay{1'000};       // client-quirk 10
    std::chrono::milliseconds refusal_delay_max{32'000};  // core/failed_logins.hpp

    [[nodiscard]] std::size_t handed_out_bytes_max() const noexcept {
        return delivered_frame_bytes_max == 0
                   ? publish_frame_bytes_max
                   : std::min(publish_frame_bytes_max, delivered_frame_bytes_max);
    }
    [[nodiscard]] std::size_t slow_low_bytes() const noexcept { return slow_high_bytes / 4; }
};

// Waiting for readers (core/shard_pace.cpp). A subscriber with more than this queued is looked at
// until it has half of it;
inline constexpr std::size_t crowding_bytes = 1024 * 1024;
// its pace is measured over at least this long, because a busy machine may not let it run for a
// while,
inline constexpr std::chrono::milliseconds pace_window{200};
// and over this long when nobody else took anything either: then it is the machine, and not this
// reader;
inline constexpr std::chrono::milliseconds pace_window_max{1'000};
// and who could catch up within this time is waited for. Who could not is slow, and nobody waits
// for it.
inline constexpr std::chrono::milliseconds catch_up_max{1'000};
// One that has not taken a byte since it is looked at may stand still: until its pace is known,
// nobody waits for it with less than this queued.
inline constexpr std::size_t doubted_bytes = 16 * 1024 * 1024;
// While somebody is waited for, a publisher is read from this late …
inline constexpr std::chrono::milliseconds deferral{20};
// … and so much at once: 800 KB/s at the least, far below the second after which Conpot gives up
// (client-quirk 19).
inline constexpr std::size_t deferred_read_bytes_max = 16 * 1024;

static_assert(deferral < std::chrono::milliseconds(1'000));

// How long a connection that we end may take to read what we still have for it.
inline constexpr std::chrono::milliseconds linger{2'000};
// The same for a subscriber that was cut for being slow: its backlog stands before the ERROR.
inline constexpr std::chrono::milliseconds linger_slow{5'000};

// Before login a read takes no more than this: an AUTH and a little of what is pipelined behind it.
// The rest waits in the kernel, so that a flood of strangers costs next to nothing.
inline constexpr std::size_t read_before_login_bytes_max = 1024;
static_assert(read_before_login_bytes_max >= wire::auth_frame_bytes_max);

// Publish rates (core/publish_rates.hpp): what a session buys at once is this part of a second's
// worth;
inline constexpr std::uint64_t rate_slices_per_second = 64;
// who is over its rate is not read for so long at the least, so that a stop is worth its two calls;
inline constexpr std::chrono::milliseconds rate_pause_min{20};
// and so much is read at once from whoever has a rate, be it as low as it may.
inline constexpr std::size_t rated_read_bytes_min = 2 * 1024;

// A failed login waits for its answer for one pause, or twice as long, or twice that …, so often
// doubled at the most. Each length has a list of its own, so that nobody's deadline is searched
// for.
inline constexpr unsigned refusal_doublings_max = 6;
// Addresses whose failed logins are remembered while they owe: 128 KiB.
inline constexpr std::size_t failed_addresses_max = 16'384;

// Bytes that are read and thrown away from a connection that is being closed; then it is cut.
inline constexpr std::size_t ignored_bytes_max = 256 * 1024;

// Names that peers bring and that we remember for metrics, in all shards together
// (core/counted_names.hpp); later ones are counted as `other`.
inline constexpr std::size_t counted_idents_max = 20'000;
inline constexpr std::size_t counted_strangers_max = 1'000;  // idents that never logged in
inline constexpr std::size_t counted_channels_max = 50'000;  // pairs of ident and channel
// Of these, with channels that no key lists and only a pattern allows: peers make up such names,
// and shall not use up the places of the listed ones.
inline constexpr std::size_t counted_unlisted_channels_max = 5'000;

// Refusals told to the log in one turn of a shard; further ones are only counted.
inline constexpr std::size_t incidents_per_turn_max = 64;

// How much of a peer's text is repeated in an ERROR: all that fits a frame.
inline constexpr std::size_t error_text_bytes_max =
    wire::error_frame_bytes_max - wire::header_bytes;

// Looking live keys up again (core/shard_live.cpp). So many are asked for together, evenly over the
// interval: a few wake the shard once an interval, many make no burst.
inline constexpr std::size_t recheck_batch = 16;
// Look-ups of one shard under way: what the desk keeps room for, beside that for logins.
inline constexpr std::size_t rechecks_outstanding_max = 16;
// Where stores tell their changes and are not polled, and one could not answer: until the next try.
inline constexpr std::chrono::milliseconds recheck_retry{5'000};

static_assert(recheck_batch <= rechecks_outstanding_max);

// A key that is granted patterns can name endless channels. So many does a session remember the way
// to, or as many as its key lists, if those are more; then it forgets them all, and finds the next
// ones anew.
inline constexpr std::size_t routes_max = 1'024;
// All sessions of a shard together; then each remembers what it publishes to at the moment.
inline constexpr std::size_t routes_of_shard_max = 262'144;
// So many channels and patterns may a session subscribe to, or as many as its key lists.
inline constexpr std::size_t subscriptions_max = 1'024;

static_assert(routes_max <= routes_of_shard_max);

// Shards whose interest in a channel fits one word.
inline constexpr unsigned shards_max = 64;

}  // namespace hpfeeds::core
