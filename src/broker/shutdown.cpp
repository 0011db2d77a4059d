// SPDX-License-Identifier: Apache-2.0
#include "broker/shutdown.hpp"

#include <algorithm>

namespace hpfeeds::broker {
namespace {

using Clock = std::chrono::steady_clock;

// Looks every few milliseconds until all shards fulfil `wanted`; false when patience or the
// deadline ended first.
template <typename Wanted>
bool wait_until(std::span<net::ShardThread* const> shards, Clock::time_point deadline,
                const Patience& patience, Wanted wanted) {
    while (!std::all_of(shards.begin(), shards.end(), wanted)) {
        if (patience(std::chrono::milliseconds(2))) return false;
        if (Clock::now() > deadline) return false;
    }
    return true;
}

}  // namespace

void drain(std::span<net::ShardThread* const> shards, std::chrono::milliseconds grace,
           const Patience& patience, const std::function<void()>& taken_over) {
    Clock::time_point deadline = Clock::now() + grace;
    for (net::ShardThread* shard : shards)
        shard->post(net::Quiesce{static_cast<bool>(taken_over)});
    if (!wait_until(shards, deadline, patience, [](const auto* shard) { return shard->quiet(); }))
        deadline = Clock::now();
    if (taken_over) taken_over();
    for (net::ShardThread* shard : shards)
        shard->post(net::CloseAll{deadline});
    if (wait_until(shards, deadline, patience, [](const auto* shard) { return shard->over(); }))
        return;
    for (net::ShardThread* shard : shards)
        shard->post(net::CloseAll{Clock::now()});
}

}  // namespace hpfeeds::broker
