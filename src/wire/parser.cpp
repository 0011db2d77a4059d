// SPDX-License-Identifier: Apache-2.0
#include "wire/parser.hpp"

namespace hpfeeds::wire {
namespace {

Parsed refused(Refusal why) noexcept {
    Parsed parsed;
    parsed.outcome = Parsed::Outcome::refused;
    parsed.refusal = why;
    return parsed;
}

std::size_t frame_bytes_max(Opcode opcode, const Limits& limits) noexcept {
    switch (opcode) {
        case Opcode::error:
            return error_frame_bytes_max;
        case Opcode::info:
            return info_frame_bytes_max;
        case Opcode::auth:
            return auth_frame_bytes_max;
        case Opcode::publish:
            return limits.publish_frame_bytes_max;
        case Opcode::subscribe:
        case Opcode::unsubscribe:
            return subscribe_frame_bytes_max;
    }
    return 0;
}

bool may_send(Peer peer, Opcode opcode) noexcept {
    if (opcode == Opcode::publish) return true;
    const bool from_broker = opcode == Opcode::error || opcode == Opcode::info;
    return from_broker == (peer == Peer::broker);
}

// A TLS client begins with a record of type 22, version 3.0 to 3.4. As hpfeeds it would be a frame
// of 352 MiB.
bool is_tls_handshake(std::uint32_t length) noexcept {
    return length >> 16 == 0x1603 && (length >> 8 & 0xFF) <= 4;
}

// A balancer begins with "\r\n\r\n", or "PROX" in version 1. As hpfeeds those would be frames of
// 208 MiB and 1.2 GiB.
bool is_proxy_header(std::uint32_t length) noexcept {
    return length == 0x0D0A'0D0A || length == 0x5052'4F58;
}

// Everything that the five header bytes can tell.
Refusal judge_header(std::uint32_t length, std::uint8_t opcode, Peer peer,
                     const Limits& limits) noexcept {
    if (length < header_bytes) return Refusal::length_below_header;
    if (peer == Peer::client_before_login && is_tls_handshake(length))
        return Refusal::tls_handshake;
    if (peer == Peer::client_before_login && is_proxy_header(length)) return Refusal::proxy_header;
    if (opcode > opcode_max) return Refusal::unknown_opcode;
    const auto known = static_cast<Opcode>(opcode);
    if (!may_send(peer, known)) return Refusal::from_wrong_side;
    if (peer == Peer::client_before_login && length > auth_frame_bytes_max)
        return Refusal::longer_than_auth;
    if (length > frame_bytes_max(known, limits)) return Refusal::length_above_limit;
    // A broker's ERROR may say nothing; every other body begins with a string.
    if (length == header_bytes && known != Opcode::error) return Refusal::empty_body;
    return Refusal::none;
}

// Cuts a str8 off the front of `rest`; false when it runs past the end.
bool take_string(std::span<const std::byte>& rest, std::string_view& out) noexcept {
    if (rest.empty()) return false;
    const auto size = std::to_integer<std::size_t>(rest[0]);
    if (rest.size() - 1 < size) return false;
    out = as_text(rest.subspan(1, size));
    rest = rest.subspan(1 + size);
    return true;
}

bool cut_body(std::span<const std::byte> body, Frame& frame) noexcept {
    if (frame.opcode == Opcode::error) {
        frame.payload = body;
        return true;
    }
    if (!take_string(body, frame.ident)) return false;
    switch (frame.opcode) {
        case Opcode::publish:
            if (!take_string(body, frame.channel)) return false;
            frame.payload = body;
            return true;
        case Opcode::subscribe:
        case Opcode::unsubscribe:
            frame.channel = as_text(body);
            return true;
        default:
            frame.payload = body;  // AUTH's digest, INFO's nonce
            return true;
    }
}

}  // namespace

Parsed parse(std::span<const std::byte> unread, Peer peer, const Limits& limits) noexcept {
    Parsed parsed;
    if (unread.size() < header_bytes) return parsed;
    const std::uint32_t length = read_u32(unread.data());
    const auto opcode = std::to_integer<std::uint8_t>(unread[4]);
    if (const Refusal why = judge_header(length, opcode, peer, limits); why != Refusal::none)
        return refused(why);
    parsed.frame_bytes = length;
    if (unread.size() < length) return parsed;
    parsed.frame.opcode = static_cast<Opcode>(opcode);
    parsed.frame.frame_bytes = length;
    if (!cut_body(unread.subspan(header_bytes, length - header_bytes), parsed.frame))
        return refused(Refusal::string_past_frame);
    parsed.outcome = Parsed::Outcome::frame;
    return parsed;
}

std::string_view describe(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::none:
            return "nothing is wrong";
        case Refusal::length_below_header:
            return "the frame's length is below the header's five bytes";
        case Refusal::length_above_limit:
            return "the frame is longer than its kind may be";
        case Refusal::longer_than_auth:
            return "a frame before login is longer than any AUTH";
        case Refusal::unknown_opcode:
            return "the opcode is not one of hpfeeds";
        case Refusal::from_wrong_side:
            return "only the other side may send this kind of frame";
        case Refusal::empty_body:
            return "the frame has no body";
        case Refusal::string_past_frame:
            return "a string runs past the end of its frame";
        case Refusal::tls_handshake:
            return "a TLS client came to an endpoint without TLS; it needs a tls: endpoint";
        case Refusal::proxy_header:
            return "a balancer's PROXY header came to an endpoint that expects none; the endpoint "
                   "needs proxy=v2, or the balancer should send none";
    }
    return "unknown";
}

std::string_view label(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::none:
            return "none";
        case Refusal::length_below_header:
            return "length-below-header";
        case Refusal::length_above_limit:
            return "length-above-limit";
        case Refusal::longer_than_auth:
            return "longer-than-auth";
        case Refusal::unknown_opcode:
            return "unknown-opcode";
        case Refusal::from_wrong_side:
            return "from-wrong-side";
        case Refusal::empty_body:
            return "empty-body";
        case Refusal::string_past_frame:
            return "string-past-frame";
        case Refusal::tls_handshake:
            return "tls-handshake";
        case Refusal::proxy_header:
            return "proxy-header";
    }
    return "unknown";
}

}  // namespace hpfeeds::wire
