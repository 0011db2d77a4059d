// SPDX-License-Identifier: Apache-2.0
// hidden.hpp: a secret that no error may tell.
//
// A search that only mutates bytes would not write the same secret in many places. So each `*` of
// an input stands for `hidden`, a word that none of our texts has.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hpfeeds::fuzz {

inline constexpr std::string_view hidden = "Hu5h";

inline std::string with_hidden(std::string_view input) {
    std::string text;
    for (const char byte : input)
        byte == '*' ? text += hidden : text += byte;
    return text;
}

[[nodiscard]] inline bool tells(std::string_view text) {
    return text.find(hidden) != std::string_view::npos;
}

// Whether it stands in the URL, but only where a user and a password do: behind `://`, before the
// last @.
[[nodiscard]] inline bool hides_in_url(std::string_view url) {
    const std::size_t begin = url.find("://");
    const std::size_t end = url.rfind('@');
    if (begin == std::string_view::npos || end == std::string_view::npos) return false;
    const std::size_t first = url.find(hidden);
    const std::size_t last = url.rfind(hidden);
    return first != std::string_view::npos && first > begin && last < end;
}

}  // namespace hpfeeds::fuzz
