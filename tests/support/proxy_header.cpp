// SPDX-License-Identifier: Apache-2.0
#include "support/proxy_header.hpp"

#include <arpa/inet.h>

#include <array>
#include <stdexcept>

namespace hpfeeds::support {
namespace {

std::string number(std::size_t value) {
    return {static_cast<char>(value >> 8 & 0xFFU), static_cast<char>(value & 0xFFU)};
}

}  // namespace

std::string proxy_header(std::uint8_t command, std::uint8_t family, std::string_view rest) {
    std::string header(proxy_signature);
    header += static_cast<char>(command);
    header += static_cast<char>(family);
    return header + number(rest.size()) + std::string(rest);
}

std::string proxy_header_from(const std::string& address, std::uint16_t port,
                              std::string_view tlvs) {
    const bool v4 = address.find(':') == std::string::npos;
    std::array<char, 16> bytes{};
    if (inet_pton(v4 ? AF_INET : AF_INET6, address.c_str(), bytes.data()) != 1)
        throw std::runtime_error("not an address: " + address);
    const std::string source(bytes.data(), v4 ? 4 : 16);
    const std::string destination(source.size(), '\x7f');
    return proxy_header(0x21, v4 ? 0x11 : 0x21,
                        source + destination + number(port) + number(20000) + std::string(tlvs));
}

std::string proxy_header_local() {
    return proxy_header(0x20, 0x00, {});
}

std::string proxy_tlv(std::uint8_t type, std::string_view value) {
    return static_cast<char>(type) + number(value.size()) + std::string(value);
}

}  // namespace hpfeeds::support
