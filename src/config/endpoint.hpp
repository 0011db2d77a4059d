// SPDX-License-Identifier: Apache-2.0
// endpoint.hpp: where to listen, as written on the command line: `tcp:interface=\:\:1:port=20000`.
//
// Twisted's strings: a class, then key=value fields separated by colons. Inside a value a colon is
// written `\:` (in IPv6 addresses too), a backslash `\\`, and `\=` may stand for `=`; all lose
// their backslash. An empty interface or device is the same as none.
#pragma once

#include "config/network.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::config {

struct Endpoint {
    enum class Kind : std::uint8_t { tcp, tls, unix_socket };
    enum class Allow : std::uint8_t { both, publish, subscribe };
    Kind kind = Kind::tcp;
    std::string interface = {};  // an IPv4 or IPv6 address or host name; empty: all addresses
    std::uint16_t port = 0;      // 0: the system chooses (tests); the log says which
    std::string device = {};     // SO_BINDTODEVICE; empty: any
    std::string path = {};       // unix: the socket's file
    unsigned mode = 0660;        // unix: the file's; connecting needs the right to write
    std::string fd = {};  // a socket that was handed over under this name, in place of all those
    Allow allow = Allow::both;  // what its clients may do, if their keys say so too
    bool proxy = false;  // whoever connects says in a PROXY header, version 2, for whom it does so
    std::vector<Network> trust = {};  // with proxy: whose headers are believed; none: everybody's
    std::string key = {}, cert = {}, chain = {};  // tls: paths
    std::string ca = {};  // tls: whoever connects must show a certificate that leads to one here
    bool ident_is_cn = false;  // tls, with ca: and may log in only as what that certificate names

    // As the user would write it, with `\:` where needed; for logs.
    [[nodiscard]] std::string text() const;
    bool operator==(const Endpoint&) const = default;
};

// Throws hpfeeds::Error that names the string, the field and the remedy: unknown class or field, a
// field twice, no port (or one beside fd), a port out of range, a tls endpoint without key or cert,
// a unix endpoint without path or with one that is too long for a socket, ident=cn without ca,
// trust without proxy.
[[nodiscard]] Endpoint parse_endpoint(std::string_view text);

// HOST:PORT of --bind and --exporter. IPv6 is written `[::1]:20000`, and loses its brackets;
// `::1:20000` is an error that says so. An empty host means all addresses. Throws hpfeeds::Error
// that names `flag`, the text and the remedy.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};
[[nodiscard]] HostPort parse_host_port(std::string_view text, std::string_view flag);

}  // namespace hpfeeds::config
