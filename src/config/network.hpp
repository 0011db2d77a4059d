// SPDX-License-Identifier: Apache-2.0
// network.hpp: a range of addresses as it is written: 192.0.2.0/24, 2001:db8::/32, or one address.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hpfeeds::config {

struct Network {
    std::array<std::uint8_t, 16> bytes{};  // with v4 the first four
    bool v4 = true;
    unsigned prefix_bits = 32;  // how many bits of it count; those behind are zero

    // As a user would write it; one address without its prefix.
    [[nodiscard]] std::string text() const;
    bool operator==(const Network&) const = default;
};

// Throws hpfeeds::Error that names `flag`, `whole` and the remedy: no address, a prefix that is too
// long, bits behind the prefix.
[[nodiscard]] Network parse_network(std::string_view text, std::string_view flag,
                                    std::string_view whole);

}  // namespace hpfeeds::config
