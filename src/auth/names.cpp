// SPDX-License-Identifier: Apache-2.0
#include "auth/names.hpp"

#include "log/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace hpfeeds::auth {
namespace {

bool steers_the_terminal(std::uint32_t code) noexcept {
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool direction = code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
                           (code >= 0x2066 && code <= 0x2069);
    return control || direction;
}

void append_escaped(std::string& out, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char each : bytes) {
        const auto byte = static_cast<unsigned char>(each);
        out += "\\x";
        out += digits[byte >> 4U];
        out += digits[byte & 0xFU];
    }
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const log::Character next = log::first_character(bytes);
        if (next.bytes == 0) return false;
        bytes.remove_prefix(next.bytes);
    }
    return true;
}

std::string printable(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const log::Character next = log::first_character(bytes);
        const std::string_view piece = bytes.substr(0, next.bytes == 0 ? 1 : next.bytes);
        if (next.bytes == 0 || steers_the_terminal(next.point)) {
            append_escaped(out, piece);
        } else {
            if (next.point == '"' || next.point == '\\') out += '\\';
            out += piece;
        }
        bytes.remove_prefix(piece.size());
    }
    return out;
}

std::string in_quotes(std::string_view bytes) {
    return '"' + printable(bytes) + '"';
}

}  // namespace hpfeeds::auth
