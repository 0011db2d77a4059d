// SPDX-License-Identifier: Apache-2.0
// address.hpp: an IPv4 or IPv6 address with its port, small enough to keep for every connection.
#pragma once

#include <sys/socket.h>
#include <array>
#include <cstdint>
#include <string>

namespace hpfeeds::net {

class Address {
public:
    Address() noexcept = default;
    explicit Address(const sockaddr_storage& raw) noexcept;

    // "192.0.2.1:4242" or "[2001:db8::1]:4242"; an IPv4 address mapped into IPv6 is shown as IPv4.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string host() const;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    // What limits take for one peer: all of an IPv4 address, and the first 64 bits of an IPv6 one,
    // because a household or a rented machine is given that many. Behind a byte for the family.
    using Network = std::array<std::uint8_t, 9>;
    [[nodiscard]] Network network() const noexcept;
    [[nodiscard]] bool loopback() const noexcept;

private:
    std::array<std::uint8_t, 16> bytes_{};
    std::uint16_t port_ = 0;
    bool v4_ = true;
};

}  // namespace hpfeeds::net
