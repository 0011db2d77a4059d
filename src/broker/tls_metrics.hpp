// SPDX-License-Identifier: Apache-2.0
// tls_metrics.hpp: what the TLS door and the certificates have to tell a scrape.
//
// Threads  the exporter's: it only reads counters, which any thread may.
#pragma once

#include "broker/roll_over.hpp"
#include "metrics/families.hpp"
#include "net/door.hpp"

#include <memory>
#include <span>
#include <vector>

namespace hpfeeds::broker {

void report_tls(const net::Door& door, std::span<const std::unique_ptr<RollOver>> certificates,
                std::span<net::ShardThread* const> shards, std::vector<metrics::Family>& out);

}  // namespace hpfeeds::broker
