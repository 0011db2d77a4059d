// SPDX-License-Identifier: Apache-2.0
// endpoint.hpp: where to listen, as written on the command line: `tcp:interface=\:\:1:port=20000`.
//
// Twisted's strings: a class, then key=value fields separated by colons. Inside a value a colon is
// written `\:` (in IPv6 addresses too), a backslash `\\`, and `\=` may stand for `=`; all lose
// their backslash. An empty interface or device is the same as none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hpfeeds::config {

struct Endpoint {
    enum class Kind : std::uint8_t { tcp, tls };
    enum class Allow : std::uint8_t { both, publish, subscribe };
    Kind kind = Kind::tcp;
    std::string interface = {};  // an IPv4 or IPv6 address or host name; empty: all addresses
    std::uint16_t port = 0;      // 0: the system chooses (tests); the log says which
    std::string device = {};     // SO_BINDTODEVICE; empty: any
    std::string fd = {};  // a socket that was handed over under this name, in place of those three
    Allow allow = Allow::both;  // what its clients may do, if their keys say so too
    std::string key = {}, cert = {}, chain = {};  // tls: paths
    std::string ca = {};  // tls: whoever connects must show a certificate that leads to one here
    bool ident_is_cn = false;  // tls, with ca: and may log in only as what that certificate names

    // As the user would write it, with `\:` where needed; for logs.
    [[nodiscard]] std::string text() const;
    bool operator==(const Endpoint&) const = default;
};

// Throws hpfeeds::Error that names the string, the field and the remedy: unknown class or field, a
// field twice, no port (or one beside fd), a port out of range, a tls endpoint without key or cert,
// ident=cn without ca.
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
