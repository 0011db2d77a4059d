// SPDX-License-Identifier: Apache-2.0
#include "broker/details.hpp"

#include <set>
#include <utility>

namespace hpfeeds::broker {
namespace {

template <typename Visit>
void each_channel_entry(std::span<net::ShardThread* const> shards, Visit visit) {
    for (const net::ShardThread* shard : shards)
        for (const auto* entry = shard->counters().first_channel(); entry; entry = entry->next)
            visit(*entry);
}

std::uint64_t messages_of(const core::ChannelCounters& entry) {
    std::uint64_t count = 0;
    for (const metrics::Counter& bucket : entry.buckets)
        count += bucket.value();
    return count;
}

void add(IdentDetails& sum, const core::IdentCounters& entry) {
    if (sum.owner.empty()) sum.owner = entry.owner;
    sum.connections += entry.authenticated_connections.value();
    sum.queued_bytes += entry.send_buffer_bytes.value();
    sum.logins += entry.ready.value();
    sum.received_bytes += entry.receive_buffer_fill.value();
    sum.sent_bytes += entry.send_buffer_drain.value();
    sum.dropped_messages += entry.dropped_frames.value();
    sum.dropped_bytes += entry.dropped_bytes.value();
    sum.slow_started += entry.deadline_start.value();
    sum.slow_recovered += entry.deadline_recover.value();
    for (std::size_t i = 0; i < core::close_reason_count; ++i)
        sum.refusals[i] += entry.errors[i].value();
}

template <typename Row>
std::vector<Row> rows_of(std::map<std::string_view, Row>& sums) {
    std::vector<Row> rows;
    rows.reserve(sums.size());
    for (auto& [name, row] : sums)
        rows.push_back(row);
    return rows;
}

}  // namespace

std::vector<IdentDetails> ident_details(std::span<net::ShardThread* const> shards) {
    std::map<std::string_view, IdentDetails> sums;
    for (const net::ShardThread* shard : shards)
        for (const auto* entry = shard->counters().first_ident(); entry; entry = entry->next) {
            IdentDetails& sum = sums[entry->ident];
            sum.ident = entry->ident;
            add(sum, *entry);
        }
    each_channel_entry(shards, [&](const core::ChannelCounters& entry) {
        const auto found = sums.find(entry.ident);
        if (found == sums.end()) return;
        found->second.published_messages += messages_of(entry);
        found->second.published_bytes += entry.payload_bytes.value();
    });
    return rows_of(sums);
}

std::vector<ChannelDetails> channel_details(std::span<net::ShardThread* const> shards) {
    std::map<std::string_view, ChannelDetails> sums;
    std::set<std::pair<std::string_view, std::string_view>> publishers;  // over all shards
    each_channel_entry(shards, [&](const core::ChannelCounters& entry) {
        ChannelDetails& sum = sums[entry.channel];
        const std::uint64_t messages = messages_of(entry);
        sum.channel = entry.channel;
        sum.subscriptions += entry.subscriptions.value();
        sum.messages += messages;
        sum.bytes += entry.payload_bytes.value();
        if (messages > 0 && publishers.emplace(entry.channel, entry.ident).second) ++sum.publishers;
    });
    return rows_of(sums);
}

}  // namespace hpfeeds::broker
