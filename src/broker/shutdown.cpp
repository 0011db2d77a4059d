// SPDX-License-Identifier: Apache-2.0
#include "broker/shutdown.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace hpfeeds::broker {
namespace {

using Clock = std::chrono::steady_clock;

sigset_t stop_signals() {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    return stops;
}

// Looks every few milliseconds until all shards fulfil `wanted`; false when a signal or the
// deadline came first.
template <typename Wanted>
bool wait_until(std::span<net::ShardThread* const> shards, Clock::time_point deadline,
                Wanted wanted) {
    const sigset_t stops = stop_signals();
    constexpr timespec pause{0, 2'000'000};
    while (!std::all_of(shards.begin(), shards.end(), wanted)) {
        if (sigtimedwait(&stops, nullptr, &pause) > 0) return false;
        if (Clock::now() > deadline) return false;
    }
    return true;
}

}  // namespace

int wait_for_stop_signal() {
    const sigset_t stops = stop_signals();
    int signal = 0;
    while (sigwait(&stops, &signal) == EINTR) {
    }
    return signal;
}

void drain(std::span<net::ShardThread* const> shards, std::chrono::milliseconds grace) {
    Clock::time_point deadline = Clock::now() + grace;
    for (net::ShardThread* shard : shards)
        shard->post(net::Quiesce{});
    if (!wait_until(shards, deadline, [](const auto* shard) { return shard->quiet(); }))
        deadline = Clock::now();
    for (net::ShardThread* shard : shards)
        shard->post(net::CloseAll{deadline});
    if (wait_until(shards, deadline, [](const auto* shard) { return shard->over(); })) return;
    for (net::ShardThread* shard : shards)
        shard->post(net::CloseAll{Clock::now()});
}

}  // namespace hpfeeds::broker
