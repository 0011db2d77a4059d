// SPDX-License-Identifier: Apache-2.0
// incident_log.hpp: a line for every refusal that says who, from where, which channel and why.
//
// Threads  owned by one shard.    Limits  so many lines per second and reason; what was held back
// is told.
#pragma once

#include "core/close_reason.hpp"
#include "core/effects.hpp"
#include "log/log.hpp"
#include "net/address.hpp"

#include <array>
#include <string_view>

namespace hpfeeds::net {

class IncidentLog {
public:
    // `certificate_name`: who the peer's certificate says it is, where that counts.
    void write(const core::Incident& incident, const Address& peer,
               std::string_view certificate_name, core::Instant now);

private:
    void write_closed(const core::Incident& incident, const Address& peer,
                      std::string_view certificate_name, log::RateLimit& limit);

    std::array<log::RateLimit, core::close_reason_count> closed_limits_;
    std::array<log::RateLimit, core::Incident::kind_count> kind_limits_;
};

}  // namespace hpfeeds::net
