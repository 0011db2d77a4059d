// SPDX-License-Identifier: Apache-2.0
// percent.hpp: what a part of an address means: %2F is a slash, %40 an at sign.
//
// Threads  any.    Errors  values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::auth {

// Nothing when a percent sign is not followed by two hexadecimal digits, or the text holds a NUL.
[[nodiscard]] inline std::optional<std::string> percent_decoded(std::string_view text) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        char byte = text[at];
        if (byte == '%') {
            if (at + 2 >= text.size()) return std::nullopt;
            const int high = digit(text[at + 1]);
            const int low = digit(text[at + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            byte = static_cast<char>(high * 16 + low);
            at += 2;
        }
        if (byte == '\0') return std::nullopt;
        out += byte;
    }
    return out;
}

}  // namespace hpfeeds::auth
