// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/text.hpp"

#include <array>
#include <cstdio>

namespace hpfeeds {
namespace {

struct Character {
    char32_t code = 0;
    std::size_t bytes = 0;  // 0: not UTF-8
};

// The character that `text` begins with. Overlong forms, surrogates and codes past U+10FFFF are not
// UTF-8.
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
    char32_t code = lead & (0x7FU >> bytes);
    for (std::size_t index = 1; index < bytes; ++index) {
        if ((byte(index) & 0xC0U) != 0x80U) return {};
        code = code << 6 | (byte(index) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < least[bytes] || surrogate || code > 0x10FFFF) return {};
    return {code, bytes};
}

bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

// Line separators, and the marks that change the direction of the text behind them.
bool is_deceptive(char32_t code) {
    return (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x061C || code == 0xFEFF;
}

void append_hex(std::string& out, unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[byte >> 4];
    out += digits[byte & 15];
}

void append_escaped(std::string& out, char32_t code) {
    if (code == '\n') {
        out += "\\n";
    } else if (code == '\r') {
        out += "\\r";
    } else if (code == '\t') {
        out += "\\t";
    } else if (code < 0x80) {
        out += "\\x";
        append_hex(out, static_cast<unsigned char>(code));
    } else {
        std::array<char, 16> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\u{%x}", static_cast<unsigned>(code));
        out += escaped.data();
    }
}

}  // namespace

std::string one_line(std::string_view text) {
    std::string line;
    line.reserve(text.size());
    while (!text.empty()) {
        const Character next = first_character(text);
        if (next.bytes == 0) {
            line += "\\x";
            append_hex(line, static_cast<unsigned char>(text.front()));
            text.remove_prefix(1);
            continue;
        }
        if (is_control(next.code) || is_deceptive(next.code))
            append_escaped(line, next.code);
        else
            line += text.substr(0, next.bytes);
        text.remove_prefix(next.bytes);
    }
    return line;
}

}  // namespace hpfeeds
