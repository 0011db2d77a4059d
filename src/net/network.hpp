// SPDX-License-Identifier: Apache-2.0
// network.hpp: a range of addresses: those that begin with the same bits.
//
// Threads  immutable, so any.
#pragma once

#include "net/address.hpp"

#include <array>
#include <cstdint>

namespace hpfeeds::net {

class Network {
public:
    // The first `prefix_bits` of `bytes` count: of all sixteen, or with `v4` of the first four.
    Network(const std::array<std::uint8_t, 16>& bytes, bool v4, unsigned prefix_bits) noexcept
        : bytes_(bytes), prefix_bits_(prefix_bits), v4_(v4) {}

    // An IPv4 address that is mapped into IPv6 is an IPv4 address; the peer of a Unix socket is in
    // no network.
    [[nodiscard]] bool contains(const Address& address) const noexcept;

private:
    std::array<std::uint8_t, 16> bytes_;
    unsigned prefix_bits_;
    bool v4_;
};

}  // namespace hpfeeds::net
