// SPDX-License-Identifier: Apache-2.0
// counters.hpp: what a shard counts. Labels are resolved once, at login or at the first frame of a
// channel; after that a count is one add on a pointer that the session holds.
//
// Names and meanings are PROTOCOL.md's, section "Metrics"; broker/metrics_report.cpp gives them
// their names.
//
// Threads    the shard alone adds and creates; any thread may read, at any time: entries are
// published by a release store,
//            are never moved and never freed before the book is.
// Limits     core/limits.hpp bounds how many entries peers can create; later ones share an entry
// named `other`.
#pragma once

#include "core/close_reason.hpp"
#include "core/counted_names.hpp"
#include "core/keyed_hash.hpp"
#include "metrics/counter.hpp"
#include "metrics/time_histogram.hpp"
#include "wire/parser.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace hpfeeds::core {

using metrics::Counter;
using metrics::Gauge;

inline constexpr std::string_view other_label = "other";

struct IdentCounters {
    std::string ident;
    std::string owner;

    Gauge authenticated_connections;
    Gauge send_buffer_bytes;
    Gauge receive_buffer_bytes;
    Counter taken;  // sessions that were counted here, from their login or a change of owner on
    Counter ready;
    Counter lost;
    Counter receive_buffer_fill;
    Counter send_buffer_fill;
    Counter send_buffer_drain;
    Counter deadline_start;
    Counter deadline_recover;
    Counter publish_pauses;  // not read from for a while, because it was over its rate
    Counter publish_paused_ms;
    Counter dropped_frames;
    Counter dropped_bytes;
    Counter discarded_frames;  // queued for a session, or too much for it, when it ended
    Counter discarded_bytes;
    std::array<Counter, close_reason_count> errors;

    const IdentCounters* next = nullptr;
};

struct ChannelCounters {
    // le = 1024, doubling, to 4194304, +Inf
    static constexpr std::size_t bucket_count = 14;

    std::string ident;
    std::string channel;

    Gauge subscriptions;
    Counter payload_bytes;
    std::array<Counter, bucket_count>
        buckets;  // not cumulative; their sum is the count of PUBLISHes

    void count_payload(std::size_t bytes) noexcept {
        const std::size_t kibibytes = bytes == 0 ? 0 : (bytes - 1) >> 10;
        const auto index = static_cast<std::size_t>(std::bit_width(kibibytes));
        buckets[index < bucket_count ? index : bucket_count - 1].increment();
    }

    const ChannelCounters* next = nullptr;
};

// What a changed key did to a session that was logged in with it.
enum class LiveChange : std::uint8_t { channels, owner, key_removed, secret_changed };
inline constexpr std::size_t live_change_count = 4;

// What is counted for the shard as a whole.
struct ShardCounters {
    Gauge connections;
    Counter made;
    Counter lost_before_login;
    std::array<Counter, close_reason_count> closed;
    std::array<Counter, wire::refusal_count> refused;
    Counter published_frames;
    Counter undelivered_frames;  // of these: longer than what is handed out
    Counter delivered_bytes;
    Counter forwarded_runs;
    Counter untold_incidents;  // refusals that were counted, but not told to the log
    Gauge live_keys;           // idents with sessions here
    Counter rechecks;          // of idents with sessions here, asked of the key stores
    Counter rechecks_unanswered;
    std::array<Counter, live_change_count> live_changes;
    Counter routes_forgotten;  // by publishers with more channels than a session remembers
    metrics::TimeHistogram login_times;  // from the question to the key stores until its answer
    Counter failed_logins_slowed;        // answered later than the first one of an address
};

class CounterBook {
public:
    // `names`: what all shards count by name, together; null: this one alone.
    explicit CounterBook(CountedNames* names = nullptr, HashKey hash_key = {}) noexcept
        : names_(names), hash_key_(hash_key) {}
    ~CounterBook();
    CounterBook(const CounterBook&) = delete;
    CounterBook& operator=(const CounterBook&) = delete;

    // Entries, made when they are missing; never null.
    [[nodiscard]] IdentCounters& ident(std::string_view ident, std::string_view owner) noexcept;
    [[nodiscard]] IdentCounters& stranger(std::string_view ident) noexcept;
    // `listed`: the key lists the channel by its name.
    [[nodiscard]] ChannelCounters& channel(std::string_view ident, std::string_view channel,
                                           bool listed = true) noexcept;

    ShardCounters shard;

    // Any thread.
    [[nodiscard]] const IdentCounters* first_ident() const noexcept {
        return idents_.load(std::memory_order_acquire);
    }
    [[nodiscard]] const ChannelCounters* first_channel() const noexcept {
        return channels_.load(std::memory_order_acquire);
    }

private:
    [[nodiscard]] IdentCounters& add_ident(std::string key, std::string_view ident,
                                           std::string_view owner) noexcept;
    [[nodiscard]] bool admits(NameSet CountedNames::*among, std::string_view key) noexcept;

    CountedNames* names_;
    HashKey hash_key_;
    std::atomic<const IdentCounters*> idents_{nullptr};
    std::atomic<const ChannelCounters*> channels_{nullptr};
    std::unordered_map<std::string, IdentCounters*> ident_index_;
    std::unordered_map<std::string, ChannelCounters*> channel_index_;
    std::size_t strangers_ = 0;
    std::size_t unlisted_channels_ = 0;
};

}  // namespace hpfeeds::core
