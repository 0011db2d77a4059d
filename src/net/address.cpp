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
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
        family_ = mapped ? Family::v4 : Family::v6;
        if (mapped) {
            std::copy_n(bytes_.begin() + 12, 4, bytes_.begin());
            std::fill(bytes_.begin() + 4, bytes_.end(), std::uint8_t{0});
        }
    }
}

Address Address::local(pid_t pid, uid_t uid) noexcept {
    static_assert(sizeof pid + sizeof uid <= sizeof bytes_);
    Address made;
    made.family_ = Family::local;
    std::memcpy(made.bytes_.data(), &pid, sizeof pid);
    std::memcpy(made.bytes_.data() + sizeof pid, &uid, sizeof uid);
    return made;
}

std::string Address::host() const {
    if (family_ == Family::local) return "unix";
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family_ == Family::v4 ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
}

Address::Network Address::network() const noexcept {
    // Behind a Unix socket a user is what an address is elsewhere.
    if (family_ == Family::local) {
        Network network{1};
        std::copy_n(bytes_.begin() + sizeof(pid_t), sizeof(uid_t), network.begin() + 1);
        return network;
    }
    const bool v4 = family_ == Family::v4;
    Network network{static_cast<std::uint8_t>(v4 ? 4 : 6)};
    std::copy_n(bytes_.begin(), v4 ? 4 : 8, network.begin() + 1);
    return network;
}

bool Address::loopback() const noexcept {
    constexpr std::array<std::uint8_t, 16> v6_loopback{0, 0, 0, 0, 0, 0, 0, 0,
                                                       0, 0, 0, 0, 0, 0, 0, 1};
    if (family_ == Family::local) return true;
    return family_ == Family::v4 ? bytes_[0] == 127 : bytes_ == v6_loopback;
}

std::string Address::text() const {
    if (family_ == Family::local) {
        pid_t pid = 0;
        uid_t uid = 0;
        std::memcpy(&pid, bytes_.data(), sizeof pid);
        std::memcpy(&uid, bytes_.data() + sizeof pid, sizeof uid);
        return "unix:pid=" + std::to_string(pid) + ",uid=" + std::to_string(uid);
    }
    const std::string port = ":" + std::to_string(port_);
    return family_ == Family::v4 ? host() + port : "[" + host() + "]" + port;
}

}  // namespace hpfeeds::net
