// SPDX-License-Identifier: Apache-2.0
// accept_log.hpp: a line for connections that cannot be served at all.
//
// Threads  owned by one who accepts: a shard, or the door.
#pragma once

#include "core/session.hpp"
#include "log/log.hpp"
#include "net/address.hpp"

#include <cstddef>

namespace hpfeeds::net {

class AcceptLog {
public:
    void full(const Address& peer, std::size_t connections, core::Instant now);
    void address_full(const Address& peer, std::size_t connections, core::Instant now);
    void out_of_descriptors(core::Instant now);

private:
    log::RateLimit full_limit_{1};
    log::RateLimit address_full_limit_{1};
    log::RateLimit out_of_descriptors_limit_{1};
};

}  // namespace hpfeeds::net
