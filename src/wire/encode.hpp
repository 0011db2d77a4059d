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

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

// `value` as the big-endian u32 at `bytes`. Requires: room for four.
inline void write_u32(std::byte* bytes, std::uint32_t value) noexcept {
    bytes[0] = static_cast<std::byte>(value >> 24);
    bytes[1] = static_cast<std::byte>(value >> 16);
    bytes[2] = static_cast<std::byte>(value >> 8);
    bytes[3] = static_cast<std::byte>(value);
}

std::size_t encode_error(std::span<std::byte> out, std::string_view text) noexcept;
std::size_t encode_info(std::span<std::byte> out, std::string_view broker_name,
                        std::span<const std::byte> nonce) noexcept;
std::size_t encode_auth(std::span<std::byte> out, std::string_view ident,
                        std::span<const std::byte, digest_bytes> digest) noexcept;
std::size_t encode_subscribe(std::span<std::byte> out, std::string_view ident,
                             std::string_view channel) noexcept;
std::size_t encode_unsubscribe(std::span<std::byte> out, std::string_view ident,
                               std::string_view channel) noexcept;

// Everything of a PUBLISH but its payload, which the caller may keep where it is and send behind
// this. Inline, as is the next one: clients encode millions a second.
inline std::size_t encode_publish_head(std::span<std::byte> out, std::string_view ident,
                                       std::string_view channel,
                                       std::size_t payload_bytes) noexcept {
    assert(ident.size() <= string_bytes_max && channel.size() <= string_bytes_max);
    assert(out.size() >= publish_frame_bytes(ident.size(), channel.size(), 0));
    const auto length = static_cast<std::uint32_t>(
        publish_frame_bytes(ident.size(), channel.size(), payload_bytes));
    std::byte* at = out.data();
    write_u32(at, length);
    at[4] = static_cast<std::byte>(Opcode::publish);
    at += header_bytes;
    for (const std::string_view text : {ident, channel}) {
        *at++ = static_cast<std::byte>(text.size());
        if (!text.empty()) std::memcpy(at, text.data(), text.size());
        at += text.size();
    }
    return static_cast<std::size_t>(at - out.data());
}

inline std::size_t encode_publish(std::span<std::byte> out, std::string_view ident,
                                  std::string_view channel,
                                  std::span<const std::byte> payload) noexcept {
    const std::size_t head = encode_publish_head(out, ident, channel, payload.size());
    assert(out.size() - head >= payload.size());
    if (!payload.empty()) std::memcpy(out.data() + head, payload.data(), payload.size());
    return head + payload.size();
}

}  // namespace hpfeeds::wire
