// SPDX-License-Identifier: Apache-2.0
#include "broker/tls_metrics.hpp"

#include <string>
#include <utility>

namespace hpfeeds::broker {
namespace {

using metrics::Family;

double number(const metrics::Counter& value) {
    return static_cast<double>(value.value());
}

Family handshakes(const net::DoorCounters& counters) {
    Family family{"hpfeeds_broker_tls_handshakes", "TLS handshakes, by how they ended.",
                  Family::Type::counter};
    // A resumed one is done, too; as labels they are apart.
    const double resumed = number(counters.resumed);
    family.samples.push_back({{{"result", "full"}}, number(counters.done) - resumed});
    family.samples.push_back({{{"result", "resumed"}}, resumed});
    for (std::size_t i = 0; i < net::handshake_end_count; ++i)
        family.samples.push_back(
            {{{"result", std::string(net::label(static_cast<net::HandshakeEnd>(i)))}},
             number(counters.ended[i])});
    return family;
}

}  // namespace

void report_tls(const net::Door& door, std::span<const std::unique_ptr<RollOver>> certificates,
                std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    out.push_back(handshakes(door.counters()));
    out.push_back({"hpfeeds_broker_tls_handshakes_under_way",
                   "TLS handshakes that are under way.",
                   Family::Type::gauge,
                   {{{}, static_cast<double>(door.counters().under_way.value())}}});
    double violations = 0;
    for (const net::ShardThread* shard : shards)
        violations += number(shard->engine_counters().tls_violations);
    out.push_back({"hpfeeds_broker_tls_violations",
                   "TLS connections that ended by a broken record or an alert.",
                   Family::Type::counter,
                   {{{}, violations}}});

    Family expiry{"hpfeeds_broker_tls_certificate_expiry_seconds",
                  "When the certificate of an endpoint expires, in seconds since 1970.",
                  Family::Type::gauge};
    Family reloads{"hpfeeds_broker_tls_certificate_changes",
                   "Changes of certificate files that took effect, or were refused.",
                   Family::Type::counter};
    for (const auto& each : certificates) {
        const metrics::Label endpoint{"endpoint", each->endpoint()};
        expiry.samples.push_back({{endpoint}, static_cast<double>(each->expires_at().value())});
        reloads.samples.push_back({{endpoint, {"result", "done"}}, number(each->done())});
        reloads.samples.push_back({{endpoint, {"result", "refused"}}, number(each->refused())});
    }
    out.push_back(std::move(expiry));
    out.push_back(std::move(reloads));
}

}  // namespace hpfeeds::broker
