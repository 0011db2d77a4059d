// SPDX-License-Identifier: Apache-2.0
// utf8.hpp: the first character of some bytes that may or may not be UTF-8.
//
// Threads  any.    Errors  a size of 0; nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hpfeeds::log {

struct Character {
    std::size_t bytes = 0;    // 0: the first byte does not begin a valid character
    std::uint32_t point = 0;  // the Unicode code point
};

// Refuses overlong forms, surrogates and anything above U+10FFFF. Requires: !text.empty().
[[nodiscard]] Character first_character(std::string_view text) noexcept;

}  // namespace hpfeeds::log
