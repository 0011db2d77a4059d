// SPDX-License-Identifier: Apache-2.0
// proxy_greeting.hpp: one connection from a balancer, which has to say for whom it comes before
// anything else.
//
// Takes exactly the header off the socket: what is behind it is for TLS, or for the session.
//
// Threads    the door's.    Ownership  borrows the socket.
// Errors     values: a greeting that comes to nothing has one ProxyEnd.
#pragma once

#include "net/network.hpp"
#include "net/proxy_header.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hpfeeds::net {

// Whose headers are believed: everybody's, when nobody is named.
struct ProxyTerms {
    std::vector<Network> trusted = {};

    [[nodiscard]] bool trusts(const Address& peer) const noexcept {
        return trusted.empty() ||
               std::any_of(trusted.begin(), trusted.end(),
                           [&](const Network& network) { return network.contains(peer); });
    }
};

// Why a greeting came to nothing.
enum class ProxyEnd : std::uint8_t {
    bad_header,  // ProxyRefusal says what
    untrusted,   // not from a balancer that is believed: nothing of it is read
    deadline,
    peer_left,    // in the middle of a header
    probe,        // connected and left without a word: a balancer's check, perhaps
    crowded_out,  // too many were waited for, and this was the oldest
    shutdown,
};
inline constexpr std::size_t proxy_end_count = 7;

// A word for metric labels and logs: "bad-proxy-header".
[[nodiscard]] std::string_view label(ProxyEnd end) noexcept;
// A sentence fragment for logs. Of bad_header the refusal says more.
[[nodiscard]] std::string_view describe(ProxyEnd end) noexcept;

class ProxyGreeting {
public:
    enum class Step : std::uint8_t { wants_read, done, ended };

    // Goes as far as the socket allows.
    [[nodiscard]] Step advance(int fd) noexcept;

    // After `done`; or, of a header that was refused, the refusal.
    [[nodiscard]] const ProxyHeader& header() const noexcept { return header_; }
    // After `ended`.
    [[nodiscard]] ProxyEnd end() const noexcept { return end_; }

private:
    [[nodiscard]] Step fail(ProxyEnd end) noexcept;

    std::vector<std::byte> came_;
    ProxyHeader header_;
    ProxyEnd end_ = ProxyEnd::probe;
};

}  // namespace hpfeeds::net
