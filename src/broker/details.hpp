// SPDX-License-Identifier: Apache-2.0
// details.hpp: the counters of all shards, summed by ident and by channel.
//
// Threads  any: counters may be read at any time.
// Limits   as many rows as there are entries of metrics (core/limits.hpp); what is beyond is
// `other`.
#pragma once

#include "core/close_reason.hpp"
#include "net/shard_thread.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace hpfeeds::broker {

// Names live as long as the shards do.
struct IdentDetails {
    std::string_view ident;
    std::string_view owner;
    std::int64_t connections = 0;
    std::int64_t queued_bytes = 0;
    std::uint64_t logins = 0;
    std::uint64_t published_messages = 0;
    std::uint64_t published_bytes = 0;  // of payloads
    std::uint64_t received_bytes = 0;   // by the broker, of frames
    std::uint64_t sent_bytes = 0;       // to it, of frames
    std::uint64_t dropped_messages = 0;
    std::uint64_t dropped_bytes = 0;
    std::uint64_t slow_started = 0;    // connections of it that went over the high mark,
    std::uint64_t slow_recovered = 0;  // and of these, those that caught up
    std::array<std::uint64_t, core::close_reason_count> refusals{};

    [[nodiscard]] std::uint64_t refused() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : refusals)
            sum += count;
        return sum;
    }
};

struct ChannelDetails {
    std::string_view channel;
    std::int64_t subscriptions = 0;
    std::uint64_t publishers = 0;  // idents that have published
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  // of payloads
};

// Sorted by name.
[[nodiscard]] std::vector<IdentDetails> ident_details(std::span<net::ShardThread* const> shards);
[[nodiscard]] std::vector<ChannelDetails> channel_details(
    std::span<net::ShardThread* const> shards);

}  // namespace hpfeeds::broker
