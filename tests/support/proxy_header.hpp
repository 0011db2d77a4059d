// SPDX-License-Identifier: Apache-2.0
// proxy_header.hpp: PROXY headers of version 2, made by the tests' own hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hpfeeds::support {

inline constexpr std::string_view proxy_signature("\r\n\r\n\0\r\nQUIT\n", 12);

// Version and command, family and protocol, and what is behind the length that counts it.
[[nodiscard]] std::string proxy_header(std::uint8_t command, std::uint8_t family,
                                       std::string_view rest);
// A PROXY over TCP from `address` (IPv4 or IPv6, as written) and `port`, with TLVs as they are.
[[nodiscard]] std::string proxy_header_from(const std::string& address, std::uint16_t port,
                                            std::string_view tlvs = {});
// What a balancer says that speaks for itself.
[[nodiscard]] std::string proxy_header_local();
[[nodiscard]] std::string proxy_tlv(std::uint8_t type, std::string_view value);

}  // namespace hpfeeds::support
