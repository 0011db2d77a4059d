// SPDX-License-Identifier: Apache-2.0
#include "log/utf8.hpp"

namespace hpfeeds::log {

Character first_character(std::string_view text) noexcept {
    const auto byte = [&](std::size_t at) -> std::uint32_t {
        return static_cast<unsigned char>(text[at]);
    };
    const std::uint32_t lead = byte(0);
    if (lead < 0x80) return {1, lead};

    std::size_t bytes = 0;
    std::uint32_t point = 0;
    std::uint32_t least = 0;  // a smaller point has a shorter form
    if ((lead & 0xE0) == 0xC0) {
        bytes = 2, point = lead & 0x1F, least = 0x80;
    } else if ((lead & 0xF0) == 0xE0) {
        bytes = 3, point = lead & 0x0F, least = 0x800;
    } else if ((lead & 0xF8) == 0xF0) {
        bytes = 4, point = lead & 0x07, least = 0x10000;
    } else {
        return {};
    }
    if (text.size() < bytes) return {};
    for (std::size_t at = 1; at < bytes; ++at) {
        if ((byte(at) & 0xC0) != 0x80) return {};
        point = point << 6 | (byte(at) & 0x3F);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < least || point > 0x10FFFF || surrogate) return {};
    return {bytes, point};
}

}  // namespace hpfeeds::log
