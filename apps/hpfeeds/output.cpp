// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include "client/characters.hpp"
#include "wire/frame.hpp"

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace hpfeeds::cli {
namespace {

constexpr std::size_t shown_bytes_max = 20;

using client::append_hex;
using client::Character;
using client::first_character;
using client::is_control;

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Character next = first_character(text);
        if (next.bytes == 0) return false;
        text.remove_prefix(next.bytes);
    }
    return true;
}

// UTF-8 without control characters but those that ordinary text has.
bool is_printable(std::string_view text) {
    while (!text.empty()) {
        const Character next = first_character(text);
        const bool layout = next.code == '\t' || next.code == '\n' || next.code == '\r';
        if (next.bytes == 0 || (is_control(next.code) && !layout)) return false;
        text.remove_prefix(next.bytes);
    }
    return true;
}

std::string base64(std::string_view bytes) {
    std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    encoded.resize(static_cast<std::size_t>(length));
    return encoded;
}

std::string iso_8601(Time time) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t whole = seconds.count();
    std::tm parts{};
    gmtime_r(&whole, &parts);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%s.%03dZ", date.data(),
                  static_cast<int>((since - seconds).count()));
    return text.data();
}

std::string json_line(const Message& message, Time time) {
    nlohmann::ordered_json line;
    line["time"] = iso_8601(time);
    const auto add = [&](const std::string& key, std::string_view value) {
        if (is_utf8(value))
            line[key] = value;
        else
            line[key + "_base64"] = base64(value);
    };
    add("channel", message.channel);
    add("ident", message.ident);
    add("payload", wire::as_text(message.payload));
    constexpr bool ascii = true;  // terminals also obey control characters above 0x7f
    return line.dump(-1, ' ', ascii) + "\n";
}

}  // namespace

std::string payload_text(std::span<const std::byte> payload) {
    const std::string_view text = wire::as_text(payload);
    if (is_printable(text)) return one_line(text);
    std::string hex;
    for (const std::byte byte : payload.first(std::min(payload.size(), shown_bytes_max)))
        append_hex(hex, std::to_integer<unsigned char>(byte));
    return hex + "...";
}

std::string status_line(std::string_view what) {
    return "[feedcli] " + std::string(what) + "\n";
}

std::string format_message(Format format, const Message& message, Time time) {
    switch (format) {
        case Format::json:
            return json_line(message, time);
        case Format::raw:
            return std::string(wire::as_text(message.payload));
        case Format::text:
            break;
    }
    return status_line("publish to " + one_line(message.channel) + " by " +
                       one_line(message.ident) + ": " + payload_text(message.payload));
}

}  // namespace hpfeeds::cli
