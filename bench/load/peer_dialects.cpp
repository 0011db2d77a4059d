// SPDX-License-Identifier: Apache-2.0
#include "peer_dialects.hpp"

#include "bench_stamp.hpp"

#include <charconv>

namespace hpfeeds::cli::bench {
namespace {

using Heard = Dialect::Heard;

// One past the end of the line that `at` stands in; 0 when its end has not come.
std::size_t behind_line(std::string_view text, std::size_t at) {
    const std::size_t end = text.find('\n', at);
    return end == std::string_view::npos ? 0 : end + 1;
}

std::size_t number_at(std::string_view text, std::size_t at) {
    std::size_t number = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), number);
    return number;
}

Heard message(std::string_view unread, std::size_t payload_at, std::size_t payload_bytes) {
    if (payload_bytes < sizeof(Stamp)) return {Heard::Kind::other, payload_at + payload_bytes + 2};
    if (unread.size() < payload_at + sizeof(Stamp)) return {};
    return {Heard::Kind::message, payload_at + payload_bytes + 2, payload_at};
}

}  // namespace

// ---- NATS

Dialect::Greeted NatsDialect::greet(std::string_view heard) const {
    if (!heard.starts_with(std::string_view("INFO ").substr(0, heard.size())))
        return {0, {}, "it does not greet like a NATS server"};
    const std::size_t used = behind_line(heard, 0);
    if (used == 0) return {};
    return {used, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n", {}};
}

std::string NatsDialect::subscribe(std::string_view channel) const {
    // Each subscription wants an id of its own; any word will do.
    return "SUB " + std::string(channel) + ' ' + std::string(channel) + "\r\n";
}

std::string NatsDialect::publish_head(std::string_view channel, std::size_t payload_bytes) const {
    return "PUB " + std::string(channel) + ' ' + std::to_string(payload_bytes) + "\r\n";
}

Heard NatsDialect::understand(std::string_view unread) const {
    const std::size_t payload_at = behind_line(unread, 0);
    if (payload_at == 0) return {};
    switch (unread[0]) {
        case 'M':  // MSG subject sid bytes
            return message(unread, payload_at,
                           number_at(unread, unread.rfind(' ', payload_at) + 1));
        case 'P': {
            Heard heard{Heard::Kind::other, payload_at};
            if (unread[1] == 'I') heard.reply = "PONG\r\n";
            return heard;
        }
        case '-':
            return {Heard::Kind::refusal, payload_at, 0, unread.substr(0, payload_at - 2)};
        default:
            return {Heard::Kind::other, payload_at};
    }
}

// ---- Redis

Dialect::Greeted RedisDialect::greet(std::string_view heard) const {
    static_cast<void>(heard);
    return {};
}

std::string RedisDialect::subscribe(std::string_view channel) const {
    return "*2\r\n$9\r\nSUBSCRIBE\r\n$" + std::to_string(channel.size()) + "\r\n" +
           std::string(channel) + "\r\n";
}

std::string RedisDialect::publish_head(std::string_view channel, std::size_t payload_bytes) const {
    return "*3\r\n$7\r\nPUBLISH\r\n$" + std::to_string(channel.size()) + "\r\n" +
           std::string(channel) + "\r\n$" + std::to_string(payload_bytes) + "\r\n";
}

// ":1" answers a PUBLISH; "*3 $9 subscribe …" a SUBSCRIBE; "*3 $7 message …" is one.
Heard RedisDialect::understand(std::string_view unread) const {
    if (unread[0] != '*') {
        const std::size_t end = behind_line(unread, 0);
        if (end == 0) return {};
        if (unread[0] == '-') return {Heard::Kind::refusal, end, 0, unread.substr(0, end - 2)};
        return {Heard::Kind::other, end};
    }
    std::size_t at = 0;
    for (int lines = 0; lines < 5; ++lines) {  // *3, $n, kind, $n, channel
        at = behind_line(unread, at);
        if (at == 0) return {};
    }
    const std::size_t behind = behind_line(unread, at);
    if (behind == 0) return {};
    if (unread[at] == ':') return {Heard::Kind::other, behind};
    return message(unread, behind, number_at(unread, at + 1));
}

}  // namespace hpfeeds::cli::bench
