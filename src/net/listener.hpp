// SPDX-License-Identifier: Apache-2.0
// listener.hpp: a listening socket: TCP, or Unix.
//
// Threads  made by the main thread, then owned by the shard that accepts.
// Errors   open_listener() and adopt_listener() throw hpfeeds::Error with the address, the cause
// and the remedy.
#pragma once

#include "core/account.hpp"
#include "core/place_table.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/socket_file.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hpfeeds::net {

struct ListenAddress {
    std::string interface;  // an address or host name; empty: all, IPv6 and IPv4
    std::uint16_t port = 0;
    std::string device;  // SO_BINDTODEVICE; empty: any
};

struct Listener {
    Descriptor socket;
    SocketFile file;                   // of a Unix socket; it goes before the socket does
    Address address;                   // as bound: with the port that the system chose for 0
    std::string label;                 // the endpoint as the user wrote it, for logs
    core::EndpointRights rights = {};  // of all who come in here
};

[[nodiscard]] Listener open_listener(const ListenAddress& where, std::string label);
[[nodiscard]] Listener open_listener(const SocketPlace& where, std::string label);

// A socket that somebody else has bound and handed over. Throws hpfeeds::Error when it is no stream
// socket that listens, or of none of these families (AF_INET, AF_UNIX ...).
[[nodiscard]] Listener adopt_listener(Descriptor socket, std::span<const int> families,
                                      std::string label);

struct Accepted {
    Descriptor socket;
    Address peer;
    core::EndpointRights rights = {};
    core::PlaceTable::Place address_place{};  // net/places.hpp
};

enum class AcceptStatus : std::uint8_t { accepted, none, out_of_descriptors };

// Takes one connection that waits; nodelay and keepalive are set on TCP (PROTOCOL.md, "Session" 7).
[[nodiscard]] AcceptStatus accept_one(const Listener& listener, Accepted& out) noexcept;

}  // namespace hpfeeds::net
