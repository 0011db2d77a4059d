// SPDX-License-Identifier: Apache-2.0
#include "net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <cstring>

namespace hpfeeds::net {

Address::Address(const sockaddr_storage& raw) noexcept {
    if (raw.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &raw, sizeof in);
        std::memcpy(bytes_.data(), &in.sin_addr, sizeof in.sin_addr);
        port_ = ntohs(in.sin_port);
    } else if (raw.ss_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &raw, sizeof in);
        std::memcpy(bytes_.data(), &in.sin6_addr, sizeof in.sin6_addr);
        port_ = ntohs(in.sin6_port);
        v4_ = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
        if (v4_) std::copy_n(bytes_.begin() + 12, 4, bytes_.begin());
    }
}

std::string Address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
}

Address::Network Address::network() const noexcept {
    Network network{static_cast<std::uint8_t>(v4_ ? 4 : 6)};
    std::copy_n(bytes_.begin(), v4_ ? 4 : 8, network.begin() + 1);
    return network;
}

bool Address::loopback() const noexcept {
    constexpr std::array<std::uint8_t, 16> v6_loopback{0, 0, 0, 0, 0, 0, 0, 0,
                                                       0, 0, 0, 0, 0, 0, 0, 1};
    return v4_ ? bytes_[0] == 127 : bytes_ == v6_loopback;
}

std::string Address::text() const {
    const std::string port = ":" + std::to_string(port_);
    return v4_ ? host() + port : "[" + host() + "]" + port;
}

}  // namespace hpfeeds::net
