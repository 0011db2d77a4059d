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

// ---- MQTT

namespace {

constexpr unsigned char connack = 0x20;
constexpr unsigned char publish = 0x30;
constexpr unsigned char suback = 0x90;

std::string mqtt_head(unsigned char type, std::size_t rest_bytes) {
    std::string head(1, static_cast<char>(type));
    do {
        const bool more = rest_bytes > 0x7F;
        head += static_cast<char>((rest_bytes & 0x7F) | (more ? 0x80U : 0U));
        rest_bytes >>= 7;
    } while (rest_bytes > 0);
    return head;
}

std::string str16(std::string_view text) {
    return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())} +
           std::string(text);
}

std::size_t byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

}  // namespace

Dialect::Greeted MqttDialect::greet(std::string_view heard) const {
    static_cast<void>(heard);
    // Level 4, a clean session, no keep-alive, no name of its own.
    const std::string rest = str16("MQTT") + std::string("\x04\x02\x00\x00", 4) + str16("");
    return {0, mqtt_head(0x10, rest.size()) + rest, {}};
}

std::string MqttDialect::subscribe(std::string_view channel) const {
    const std::string rest = std::string("\x00\x01", 2) + str16(channel) + '\0';
    return mqtt_head(0x82, rest.size()) + rest;
}

std::string MqttDialect::publish_head(std::string_view channel, std::size_t payload_bytes) const {
    return mqtt_head(publish, 2 + channel.size() + payload_bytes) + str16(channel);
}

Heard MqttDialect::understand(std::string_view unread) const {
    std::size_t rest_bytes = 0;
    std::size_t rest_at = 1;
    for (unsigned shift = 0;; shift += 7, ++rest_at) {
        if (rest_at == unread.size()) return {};
        if (shift > 21) return {Heard::Kind::nonsense};
        rest_bytes |= (byte_at(unread, rest_at) & 0x7F) << shift;
        if (byte_at(unread, rest_at) < 0x80) break;
    }
    ++rest_at;
    const std::size_t end = rest_at + rest_bytes;
    const auto type = static_cast<unsigned char>(unread[0] & 0xF0);
    if (type == publish) {
        if (unread.size() < rest_at + 2) return {};
        const std::size_t payload_at =
            rest_at + 2 + (byte_at(unread, rest_at) << 8 | byte_at(unread, rest_at + 1));
        if (payload_at > end) return {Heard::Kind::nonsense};
        if (end - payload_at < sizeof(Stamp)) return {Heard::Kind::other, end};
        if (unread.size() < payload_at + sizeof(Stamp)) return {};
        return {Heard::Kind::message, end, payload_at};
    }
    if (unread.size() < end) return {};
    // The last byte of both says whether it was granted.
    const std::size_t verdict = rest_bytes > 0 ? byte_at(unread, end - 1) : 0;
    if (type == connack && verdict != 0)
        return {Heard::Kind::refusal, end, 0, "the broker refused CONNECT"};
    if (type == suback && verdict >= 0x80)
        return {Heard::Kind::refusal, end, 0, "the broker refused SUBSCRIBE"};
    return {Heard::Kind::other, end};
}

std::unique_ptr<Dialect> dialect_called(std::string_view name) {
    if (name == "nats") return std::make_unique<NatsDialect>();
    if (name == "redis") return std::make_unique<RedisDialect>();
    if (name == "mqtt") return std::make_unique<MqttDialect>();
    return nullptr;
}

}  // namespace hpfeeds::cli::bench
