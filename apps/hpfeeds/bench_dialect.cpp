// SPDX-License-Identifier: Apache-2.0
#include "bench_dialect.hpp"

#include "bench_stamp.hpp"
#include "wire/challenge.hpp"
#include "wire/encode.hpp"
#include "wire/parser.hpp"

#include <span>

namespace hpfeeds::cli::bench {
namespace {

std::span<std::byte> room_of(std::string& text) {
    return std::as_writable_bytes(std::span(text));
}

std::size_t length_at(std::string_view bytes) {
    return wire::read_u32(wire::as_bytes(bytes).data());
}

std::size_t str8_bytes(std::string_view unread, std::size_t at) {
    return 1 + std::size_t{static_cast<unsigned char>(unread[at])};
}

}  // namespace

Dialect::Greeted HpfeedsDialect::greet(std::string_view heard) const {
    using Outcome = wire::Parsed::Outcome;
    const wire::Parsed parsed = wire::parse(wire::as_bytes(heard), wire::Peer::broker);
    if (parsed.outcome == Outcome::incomplete) return {};
    if (parsed.outcome == Outcome::refused || parsed.frame.opcode != wire::Opcode::info)
        return {0, {}, "it does not greet like an hpfeeds broker"};
    Greeted greeted{parsed.frame.frame_bytes, {}, {}};
    greeted.answer.resize(wire::auth_frame_bytes(ident_.size()));
    wire::encode_auth(room_of(greeted.answer), ident_,
                      wire::digest_of(parsed.frame.payload, secret_));
    return greeted;
}

std::string HpfeedsDialect::subscribe(std::string_view channel) const {
    std::string frame(wire::subscribe_frame_bytes(ident_.size(), channel.size()), '\0');
    wire::encode_subscribe(room_of(frame), ident_, channel);
    return frame;
}

std::string HpfeedsDialect::publish_head(std::string_view channel,
                                         std::size_t payload_bytes) const {
    std::string head(wire::publish_frame_bytes(ident_.size(), channel.size(), 0), '\0');
    wire::encode_publish_head(room_of(head), ident_, channel, payload_bytes);
    return head;
}

// Not by wire::parse, which wants the whole frame: a stamp is all that is read of a payload.
Dialect::Heard HpfeedsDialect::understand(std::string_view unread) const {
    using Kind = Heard::Kind;
    if (unread.size() <= wire::header_bytes) return {};
    const std::size_t length = length_at(unread);
    const auto opcode = static_cast<wire::Opcode>(unread[4]);
    if (length <= wire::header_bytes || length > wire::error_frame_bytes_max)
        return {Kind::nonsense};
    if (opcode == wire::Opcode::publish) {
        const std::size_t channel_at = wire::header_bytes + str8_bytes(unread, wire::header_bytes);
        if (unread.size() <= channel_at) return {};
        const std::size_t payload_at = channel_at + str8_bytes(unread, channel_at);
        if (payload_at + sizeof(Stamp) > length) return {Kind::other, length};  // not ours
        if (payload_at + sizeof(Stamp) > unread.size()) return {};
        return {Kind::message, length, payload_at};
    }
    if (opcode != wire::Opcode::error) return {Kind::nonsense};
    if (unread.size() < length) return {};
    return {Kind::refusal, length, 0,
            unread.substr(wire::header_bytes, length - wire::header_bytes)};
}

}  // namespace hpfeeds::cli::bench
