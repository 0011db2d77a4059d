// SPDX-License-Identifier: Apache-2.0
// proxy_header.hpp: the PROXY protocol's header, version 2: what a balancer says, before anything
// else, of the peer that it speaks for.
//
//   signature (12) | version, command (1) | family, protocol (1) | length (2) | addresses | TLVs
//
// Bytes in, a verdict out: no socket, no time, no memory of its own.
//
// Threads  any.    Errors  values: what is wrong is a ProxyRefusal.
#pragma once

#include "net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hpfeeds::net {

// Signature to length; the length counts what is behind it.
inline constexpr std::size_t proxy_fixed_bytes = 16;
// A header, whole. Addresses are at most 216 bytes; TLVs hold a name or two, or a certificate.
inline constexpr std::size_t proxy_header_bytes_max = 4 * 1024;

enum class ProxyRefusal : std::uint8_t {
    none,
    no_header,        // something else came
    version_1,        // the header as text
    unknown_version,  // the signature, and neither version
    unknown_command,
    unknown_family,
    too_long,
    short_addresses,  // fewer bytes than two addresses of the family
    broken_tlv,       // one that runs past the header's end
};
inline constexpr std::size_t proxy_refusal_count = 9;

// A word for metric labels: "version-1".
[[nodiscard]] std::string_view label(ProxyRefusal refusal) noexcept;
// A sentence fragment for logs, with the remedy.
[[nodiscard]] std::string_view describe(ProxyRefusal refusal) noexcept;

struct ProxyHeader {
    enum class Outcome : std::uint8_t { incomplete, complete, refused };
    Outcome outcome = Outcome::incomplete;
    // Of the header: how many to have before asking again (incomplete), how many it is (complete).
    // Never more than proxy_header_bytes_max.
    std::size_t bytes = proxy_fixed_bytes;
    ProxyRefusal refusal = ProxyRefusal::none;
    // LOCAL: the balancer speaks for itself, to see whether we are well.
    bool local = false;
    // Whom it speaks for. None: LOCAL, or it did not say (AF_UNSPEC, a Unix socket, datagrams).
    std::optional<Address> source = {};
};

// Judges the bytes that have come, be it none: what cannot become a header is refused at once. May
// be given more than the header.
[[nodiscard]] ProxyHeader parse_proxy_header(std::span<const std::byte> bytes) noexcept;

}  // namespace hpfeeds::net
