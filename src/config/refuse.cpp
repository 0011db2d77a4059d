// SPDX-License-Identifier: Apache-2.0
#include "config/refuse.hpp"

#include <cstddef>

namespace hpfeeds::config {
namespace {

constexpr std::size_t shown_bytes_max = 200;
constexpr std::string_view hex_digits = "0123456789abcdef";

}  // namespace

std::string in_quotes(std::string_view value) {
    std::string out = "'";
    for (const char character : value.substr(0, shown_bytes_max)) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte == 0x7F) {
            out += "\\x";
            out += hex_digits[byte >> 4];
            out += hex_digits[byte & 0xF];
        } else {
            out += character;
        }
    }
    if (value.size() > shown_bytes_max) out += "...";
    return out + "'";
}

void refuse(std::string_view flag, std::string_view value, std::string_view why) {
    throw Refused(std::string(flag), std::string(value), std::string(why));
}

}  // namespace hpfeeds::config
