// SPDX-License-Identifier: Apache-2.0
// tcp_connect.hpp: a name and a port into a connected, non-blocking TCP socket; or `unix:PATH` into
// a Unix socket, where port and keepalive mean nothing.
//
// Every address of the name is tried in the system's order, each with its share of the time that is
// left, so that one dead address does not use up the time of the others. Looking up the name may
// block for as long as the resolver does.
//
// Threads    any.
// Ownership  the descriptor is the caller's to close.
#pragma once

#include "client/deadline.hpp"
#include "hpfeeds/options.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace hpfeeds::client {

struct TcpConnected {
    int descriptor = -1;      // -1: see error
    std::error_code error;    // of the last address tried
    std::string explanation;  // "127.0.0.1 port 10000: Connection refused"
};

// Whether `host` is `unix:PATH`.
[[nodiscard]] bool is_unix_socket(std::string_view host) noexcept;

// `wake` ends the wait when it becomes readable; -1: nothing does. The socket has TCP_NODELAY and
// keepalive, and a limit of the same length on data that nobody acknowledges, so that a vanished
// broker is noticed whether or not there is something to send.
[[nodiscard]] TcpConnected tcp_connect(const std::string& host, std::uint16_t port,
                                       const KeepaliveOptions& keepalive, Deadline deadline,
                                       int wake);

// What every connected socket gets: TCP_NODELAY, and keepalive as above.
void prepare_socket(int descriptor, const KeepaliveOptions& keepalive);

// Waits until `descriptor` is ready for `events` (POLLIN, POLLOUT), or has failed: the next call on
// it then says how.
[[nodiscard]] std::error_code wait_until_ready(int descriptor, short events, Deadline deadline,
                                               int wake);

}  // namespace hpfeeds::client
