// SPDX-License-Identifier: Apache-2.0
#include "net/accept_log.hpp"

#include <chrono>
#include <cstdint>

namespace hpfeeds::net {

void AcceptLog::full(const Address& peer, std::size_t connections, core::Instant now) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    if (full_limit_.admit(static_cast<std::uint64_t>(second.count())))
        log::warning("connection refused",
                     {{"peer", peer.text()},
                      {"reason", "connections-full"},
                      {"why", "as many connections as --max-connections allows are open"},
                      {"connections", static_cast<std::uint64_t>(connections)},
                      {"similar_lines_held_back", full_limit_.take_held_back()}});
}

void AcceptLog::address_full(const Address& peer, std::size_t connections, core::Instant now) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    if (address_full_limit_.admit(static_cast<std::uint64_t>(second.count())))
        log::warning("connection refused",
                     {{"peer", peer.text()},
                      {"reason", "address-full"},
                      {"why",
                       "its address, or its /64, has as many connections as "
                       "--max-connections-per-address allows"},
                      {"connections", static_cast<std::uint64_t>(connections)},
                      {"similar_lines_held_back", address_full_limit_.take_held_back()}});
}

void AcceptLog::out_of_descriptors(core::Instant now) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    if (out_of_descriptors_limit_.admit(static_cast<std::uint64_t>(second.count())))
        log::error("out of file descriptors",
                   {{"why",
                     "no connection can be accepted for now, and those there are go on; raise the "
                     "limit of open files, or lower --max-connections"}});
}

}  // namespace hpfeeds::net
