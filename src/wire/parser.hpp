// SPDX-License-Identifier: Apache-2.0
// parser.hpp: unread bytes in; a frame, how many bytes are lacking, or a refusal out.
//
// Stateless and without I/O: the caller keeps the unread bytes and calls again when more have come.
// Length and opcode are judged on the five header bytes alone, so a frame that will be refused is
// never waited for.
//
// Threads  any.    Errors  values; nothing throws, nothing allocates.
#pragma once

#include "wire/frame.hpp"
#include "wire/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hpfeeds::wire {

// Why bytes are not hpfeeds (PROTOCOL.md, "Frames"). Each closes the connection without an ERROR
// frame.
enum class Refusal : std::uint8_t {
    none,
    length_below_header,  // the length is less than the five bytes that carry it
    length_above_limit,   // longer than this opcode may be
    longer_than_auth,     // before login: longer than any AUTH
    unknown_opcode,       // above 5
    from_wrong_side,    // ERROR or INFO from a client; AUTH, SUBSCRIBE or UNSUBSCRIBE from a broker
    empty_body,         // nothing behind the header
    string_past_frame,  // an inner string runs past the end of its frame
    tls_handshake,      // before login: the bytes with which TLS begins
    proxy_header,       // before login: those with which a PROXY header begins
};
inline constexpr std::size_t refusal_count = 10;

// A sentence fragment for logs: "the length is below the header's five bytes".
[[nodiscard]] std::string_view describe(Refusal refusal) noexcept;
// A word for metric labels: "length-below-header".
[[nodiscard]] std::string_view label(Refusal refusal) noexcept;

// Who is listening to whom, and how far they have come.
enum class Peer : std::uint8_t {
    client_before_login,  // a broker reads a client that has not logged in
    client,               // a broker reads a client
    broker,  // a client reads its broker; nonces of any length are heard (client-quirk 1)
};

struct Limits {
    std::size_t publish_frame_bytes_max = wire::publish_frame_bytes_max;
};

struct Parsed {
    enum class Outcome : std::uint8_t { frame, incomplete, refused };
    Outcome outcome = Outcome::incomplete;
    Refusal refusal = Refusal::none;
    // incomplete: the bytes the frame will have in all, once its header is there; otherwise 0.
    std::size_t frame_bytes = 0;
    Frame frame;  // valid when outcome is frame
};

[[nodiscard]] Parsed parse(std::span<const std::byte> unread, Peer peer,
                           const Limits& limits = {}) noexcept;

// A PUBLISH that lies whole at the front of `unread`, by its lengths alone: what busy connections
// consist of, cut without judging anything else. frame_bytes is 0 when something else is there, or
// nothing whole, or nothing sound: parse() says what.
struct PublishShape {
    std::uint32_t frame_bytes = 0;
    std::uint8_t ident_bytes = 0;
    std::uint8_t channel_bytes = 0;
};
[[nodiscard]] inline PublishShape publish_shape(std::span<const std::byte> unread,
                                                const Limits& limits = {}) noexcept;

// The big-endian u32 at `bytes`. Requires: four readable bytes.
[[nodiscard]] inline std::uint32_t read_u32(const std::byte* bytes) noexcept {
    return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
           static_cast<std::uint32_t>(bytes[2]) << 8 | static_cast<std::uint32_t>(bytes[3]);
}

inline PublishShape publish_shape(std::span<const std::byte> unread,
                                  const Limits& limits) noexcept {
    if (unread.size() < header_bytes + 2 || unread[4] != std::byte{3}) return {};
    const std::size_t length = read_u32(unread.data());
    if (length > unread.size() || length > limits.publish_frame_bytes_max) return {};
    const auto ident = std::to_integer<std::uint8_t>(unread[header_bytes]);
    const std::size_t channel_at = header_bytes + 1 + ident;
    if (channel_at >= length) return {};
    const auto channel = std::to_integer<std::uint8_t>(unread[channel_at]);
    if (channel_at + 1 + channel > length) return {};
    return {static_cast<std::uint32_t>(length), ident, channel};
}

// Of a frame that publish_shape() has judged before.
[[nodiscard]] inline PublishShape shape_of_sound(const std::byte* frame) noexcept {
    const auto ident = std::to_integer<std::uint8_t>(frame[header_bytes]);
    const auto channel = std::to_integer<std::uint8_t>(frame[header_bytes + 1 + ident]);
    return {read_u32(frame), ident, channel};
}

}  // namespace hpfeeds::wire
