// SPDX-License-Identifier: Apache-2.0
// process_title.hpp: keeps passwords out of the list of processes, as far as that is possible.
#pragma once

#include <cstring>
#include <string_view>

namespace hpfeeds::config {

// Writes asterisks over the passwords of addresses (`scheme://user:password@host`) in the words
// that the system shows of a process. Until this is called everybody could read them, and the
// shell's history still can. Requires: nobody needs the words any more.
inline void hide_passwords(int argc, char** argv) noexcept {
    for (int index = 1; index < argc; ++index) {
        const std::string_view word = argv[index];
        const auto authority = word.find("://");
        if (authority == std::string_view::npos) continue;
        const auto begin = word.find(':', authority + 3);
        const auto end = word.rfind('@', word.find('?', authority));
        if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
            continue;
        std::memset(argv[index] + begin + 1, '*', end - begin - 1);
    }
}

}  // namespace hpfeeds::config
