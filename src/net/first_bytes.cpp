// SPDX-License-Identifier: Apache-2.0
#include "net/first_bytes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace hpfeeds::net {
namespace {

constexpr std::array<std::string_view, 7> http_methods{"GET ",    "POST ",    "HEAD ",   "PUT ",
                                                       "DELETE ", "OPTIONS ", "CONNECT "};

}  // namespace

Tongue tongue_of(std::span<const std::byte> first) noexcept {
    // A TLS client begins with a record of type 22 and version 3.x; OpenSSL judges the rest.
    constexpr std::byte handshake{22};
    constexpr std::byte version{3};
    if (first[0] == handshake && (first.size() < 2 || first[1] == version)) return Tongue::tls;
    // The length of any frame an hpfeeds client may send begins with a zero.
    if (first[0] == std::byte{0}) return Tongue::hpfeeds;
    const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
    const bool asks = std::any_of(http_methods.begin(), http_methods.end(), [&](auto method) {
        return text.starts_with(method.substr(0, first_bytes_max));
    });
    return asks ? Tongue::http : Tongue::other;
}

}  // namespace hpfeeds::net
