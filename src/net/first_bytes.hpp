// SPDX-License-Identifier: Apache-2.0
// first_bytes.hpp: what somebody who connects to a TLS endpoint speaks.
//
// Threads  any.    Errors  none: whatever came is one of the four.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hpfeeds::net {

enum class Tongue : std::uint8_t {
    tls,
    hpfeeds,  // without TLS
    http,     // without TLS
    other,
};

// So many bytes tell all there is to tell.
inline constexpr std::size_t first_bytes_max = 8;

// Judges by the bytes that have come, be it one. Requires: at least one.
[[nodiscard]] Tongue tongue_of(std::span<const std::byte> first) noexcept;

}  // namespace hpfeeds::net
