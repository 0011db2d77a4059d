// SPDX-License-Identifier: Apache-2.0
// address.hpp: whence a connection comes: an IPv4 or IPv6 address with its port, or the process at
// the other end of a Unix socket. Small enough to keep for every connection.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <array>
#include <cstdint>
#include <string>

namespace hpfeeds::net {

class Address {
public:
    enum class Family : std::uint8_t { v4, v6, local };

    Address() noexcept = default;
    explicit Address(const sockaddr_storage& raw) noexcept;
    // Of a Unix socket: who connected, as the kernel tells.
    [[nodiscard]] static Address local(pid_t pid, uid_t uid) noexcept;

    // "192.0.2.1:4242" or "[2001:db8::1]:4242"; an IPv4 address mapped into IPv6 is IPv4. Of a Unix
    // socket "unix:pid=4242,uid=1000".
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string host() const;  // "unix" of a Unix socket
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] Family family() const noexcept { return family_; }
    // The address alone, in network order: the first four bytes of v4, all of v6.
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

    // What limits take for one peer: all of an IPv4 address, and the first 64 bits of an IPv6 one,
    // because a household or a rented machine is given that many; of a Unix socket the user. Behind
    // a byte for the family.
    using Network = std::array<std::uint8_t, 9>;
    [[nodiscard]] Network network() const noexcept;
    [[nodiscard]] bool loopback() const noexcept;  // a Unix socket is, too

private:
    std::array<std::uint8_t, 16> bytes_{};
    std::uint16_t port_ = 0;
    Family family_ = Family::v4;
};

}  // namespace hpfeeds::net
