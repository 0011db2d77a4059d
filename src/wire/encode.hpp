// SPDX-License-Identifier: Apache-2.0
// encode.hpp: the six messages as bytes.
//
// Each function writes one whole frame into memory that the caller lends, and returns the bytes it
// used. Requires: `out` has room for what the matching *_frame_bytes() says; idents, names and
// PUBLISH channels are at most 255 bytes. A broker forwards a PUBLISH as it came in and never
// encodes one; clients do.
#pragma once

#include "wire/frame.hpp"
#include "wire/limits.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace hpfeeds::wire {

// Sizes of whole frames, in bytes.
[[nodiscard]] constexpr std::size_t error_frame_bytes(std::size_t text_bytes) noexcept {
    return header_bytes + text_bytes;
}
[[nodiscard]] constexpr std::size_t info_frame_bytes(std::size_t name_bytes,
                                                     std::size_t nonce) noexcept {
    return header_bytes + 1 + name_bytes + nonce;
}
[[nodiscard]] constexpr std::size_t auth_frame_bytes(std::size_t ident_bytes) noexcept {
    return header_bytes + 1 + ident_bytes + digest_bytes;
}
[[nodiscard]] constexpr std::size_t publish_frame_bytes(std::size_t ident_bytes,
                                                        std::size_t channel_bytes,
                                                        std::size_t payload_bytes) noexcept {
    return header_bytes + 1 + ident_bytes + 1 + channel_bytes + payload_bytes;
}
[[nodiscard]] constexpr std::size_t subscribe_frame_bytes(std::size_t ident_bytes,
                                                          std::size_t channel_bytes) noexcept {
    return header_bytes + 1 + ident_bytes + channel_bytes;
}

std::size_t encode_error(std::span<std::byte> out, std::string_view text) noexcept;
std::size_t encode_info(std::span<std::byte> out, std::string_view broker_name,
                        std::span<const std::byte> nonce) noexcept;
std::size_t encode_auth(std::span<std::byte> out, std::string_view ident,
                        std::span<const std::byte, digest_bytes> digest) noexcept;
// Everything of a PUBLISH but its payload, which the caller may keep where it is and send behind
// this.
std::size_t encode_publish_head(std::span<std::byte> out, std::string_view ident,
                                std::string_view channel, std::size_t payload_bytes) noexcept;
std::size_t encode_publish(std::span<std::byte> out, std::string_view ident,
                           std::string_view channel, std::span<const std::byte> payload) noexcept;
std::size_t encode_subscribe(std::span<std::byte> out, std::string_view ident,
                             std::string_view channel) noexcept;
std::size_t encode_unsubscribe(std::span<std::byte> out, std::string_view ident,
                               std::string_view channel) noexcept;

}  // namespace hpfeeds::wire
