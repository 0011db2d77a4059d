// SPDX-License-Identifier: Apache-2.0
// readiness.hpp: whether new connections should be sent here, and if not, why.
//
// Not ready: before the shards run, from the first moment of the end, and until every key store has
// answered once since the start: a new broker with a wrong password for its database must not take
// the place of one that works. A store that goes out later makes nobody unready. The sessions go
// on, other stores may know the key, and all brokers behind a balancer share the store: it would
// have nowhere to send anybody. That is told, and is for an alert.
//
// Threads  Phase is written by the owner's thread and read by the exporter's.
#pragma once

#include "auth/desk.hpp"
#include "metrics/http_exporter.hpp"

#include <cstdint>

namespace hpfeeds::broker {

enum class Phase : std::uint8_t { starting, serving, draining };

// A line for each thing that was looked at: `ok`, `not ready` or `note`, what, and why.
[[nodiscard]] metrics::Response readiness(Phase phase, const auth::Desk::Counts& desk);

}  // namespace hpfeeds::broker
