// SPDX-License-Identifier: Apache-2.0
#include "broker/watchdog.hpp"

#include "log/log.hpp"

#include <algorithm>
#include <string>

namespace hpfeeds::broker {

Watchdog::Watchdog(std::optional<std::chrono::milliseconds> interval,
                   std::vector<net::ShardThread*> shards, service::Notifier& notifier)
    : interval_(interval), notifier_(notifier) {
    if (!interval_) return;
    for (net::ShardThread* shard : shards)
        watched_.push_back({shard});
    ask();
}

std::optional<std::chrono::milliseconds> Watchdog::due_in() const {
    if (!interval_) return std::nullopt;
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(due_ - Clock::now());
    return std::max(rest, std::chrono::milliseconds{0});
}

void Watchdog::look() {
    if (!interval_ || Clock::now() < due_) return;
    if (all_turn()) notifier_.alive();
    ask();
}

bool Watchdog::all_turn() {
    bool all = true;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
        Watched& each = watched_[i];
        const bool hangs = each.shard->engine_counters().turns.value() == each.turns;
        all = all && !hangs;
        if (hangs == each.hangs) continue;
        each.hangs = hangs;
        if (hangs)
            log::error("a shard does not turn", {{"shard", static_cast<unsigned>(i)}});
        else
            log::info("a shard turns again", {{"shard", static_cast<unsigned>(i)}});
        notifier_.status("shard " + std::to_string(i) +
                         (hangs ? " does not turn" : " turns again"));
    }
    return all;
}

// Counted before it is woken: the turn that answers comes after.
void Watchdog::ask() {
    for (Watched& each : watched_) {
        each.turns = each.shard->engine_counters().turns.value();
        each.shard->wake();
    }
    due_ = Clock::now() + *interval_;
}

}  // namespace hpfeeds::broker
