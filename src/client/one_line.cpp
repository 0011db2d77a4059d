// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/text.hpp"

#include "client/characters.hpp"

#include <array>
#include <cstdio>

namespace hpfeeds {
namespace {

using client::append_hex;
using client::Character;
using client::first_character;
using client::is_control;

// Line separators, and the marks that change the direction of the text behind them.
bool is_deceptive(char32_t code) {
    return (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x061C || code == 0xFEFF;
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
