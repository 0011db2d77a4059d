// SPDX-License-Identifier: Apache-2.0
#include "net/network.hpp"

#include <algorithm>

namespace hpfeeds::net {

bool Network::contains(const Address& address) const noexcept {
    if (address.family() != (v4_ ? Address::Family::v4 : Address::Family::v6)) return false;
    const std::size_t whole_bytes = prefix_bits_ / 8;
    const auto& theirs = address.bytes();
    if (!std::equal(bytes_.begin(), bytes_.begin() + whole_bytes, theirs.begin())) return false;
    const unsigned odd_bits = prefix_bits_ % 8;
    return odd_bits == 0 || (bytes_[whole_bytes] ^ theirs[whole_bytes]) >> (8 - odd_bits) == 0;
}

}  // namespace hpfeeds::net
