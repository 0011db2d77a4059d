// SPDX-License-Identifier: Apache-2.0
// metrics_report.hpp: the counters of all shards, summed and named as PROTOCOL.md, section
// "Metrics", says.
//
// Threads  the exporter's: it only reads counters, which any thread may.
#pragma once

#include "auth/desk.hpp"
#include "broker/reload.hpp"
#include "broker/roll_over.hpp"
#include "bytes/slab_pool.hpp"
#include "metrics/http_exporter.hpp"
#include "net/door.hpp"
#include "net/shard_thread.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace hpfeeds::broker {

// Where TLS comes in; null and empty without TLS endpoints.
struct TlsEntrance {
    const net::Door* door = nullptr;
    std::span<const std::unique_ptr<RollOver>> certificates = {};
};

// Peers that the tables of limits had no room for.
struct LimitTables {
    std::uint64_t addresses_uncounted = 0;
    std::uint64_t idents_uncounted = 0;
    std::uint64_t failed_logins_uncounted = 0;
};

// The text of one scrape.
[[nodiscard]] std::string metrics_report(std::span<net::ShardThread* const> shards,
                                         const auth::Desk& desk, const bytes::MemoryBudget& budget,
                                         const TlsEntrance& tls, const LimitTables& limits,
                                         const ReloadCounters& reloads,
                                         const metrics::ExporterCounters& exporter);

}  // namespace hpfeeds::broker
