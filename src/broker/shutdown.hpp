// SPDX-License-Identifier: Apache-2.0
// shutdown.hpp: stop accepting, hand out what is queued, close.
#pragma once

#include "net/shard_thread.hpp"

#include <chrono>
#include <span>

namespace hpfeeds::broker {

// Requires: block_stop_signals(). Returns SIGTERM or SIGINT.
[[nodiscard]] int wait_for_stop_signal();

// First every shard stops accepting and reading and posts what it has for the others; only then do
// all of them close their sessions, so that nothing which was received is lost between two shards.
// Returns when every shard is over, after `grace` at the latest, or at a second signal.
void drain(std::span<net::ShardThread* const> shards, std::chrono::milliseconds grace);

}  // namespace hpfeeds::broker
