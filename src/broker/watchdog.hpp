// SPDX-License-Identifier: Apache-2.0
// watchdog.hpp: tells the service manager that the broker lives, as long as every shard turns.
//
// A thread that tells so by itself would go on when the shards hang, so they are asked: each is
// woken, and must have begun a turn by the next time. An idle broker wakes up for that alone.
//
// Threads  the main one.
#pragma once

#include "net/shard_thread.hpp"
#include "service/notifier.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace hpfeeds::broker {

class Watchdog {
public:
    using Clock = std::chrono::steady_clock;

    // Without an interval nobody is told, and no shard is woken.
    Watchdog(std::optional<std::chrono::milliseconds> interval,
             std::vector<net::ShardThread*> shards, service::Notifier& notifier);

    // How long until look() has something to do; nothing: for ever.
    [[nodiscard]] std::optional<std::chrono::milliseconds> due_in() const;
    // Once an interval: tells the manager, unless a shard has not turned since the last time.
    void look();

private:
    struct Watched {
        net::ShardThread* shard;
        std::uint64_t turns = 0;
        bool hangs = false;
    };

    [[nodiscard]] bool all_turn();
    void ask();

    std::optional<std::chrono::milliseconds> interval_;
    std::vector<Watched> watched_;
    service::Notifier& notifier_;
    Clock::time_point due_;
};

}  // namespace hpfeeds::broker
