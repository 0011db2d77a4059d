// SPDX-License-Identifier: Apache-2.0
// shutdown.hpp: stop accepting, hand out what is queued, close.
#pragma once

#include "net/shard_thread.hpp"

#include <chrono>
#include <functional>
#include <span>

namespace hpfeeds::broker {

// Waits for so long; true: there is no patience left.
using Patience = std::function<bool(std::chrono::nanoseconds)>;

// First every shard stops accepting and reading and posts what it has for the others; only then do
// all of them close their sessions, so that nothing which was received is lost between two shards.
// Returns when every shard is over, after `grace` at the latest, or when patience is lost.
// With `taken_over`, another process goes on with the listening sockets; it is called once nobody
// is accepted here any more.
void drain(std::span<net::ShardThread* const> shards, std::chrono::milliseconds grace,
           const Patience& patience, const std::function<void()>& taken_over = {});

}  // namespace hpfeeds::broker
