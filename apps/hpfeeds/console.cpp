// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <unistd.h>
#include <cerrno>
#include <string>

namespace hpfeeds::cli {

bool Console::put(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

void Console::complain(std::string_view line) const {
    // When not even a complaint can be written, there is nobody left to tell.
    static_cast<void>(put(err, "hpfeeds: " + std::string(line) + "\n"));
}

}  // namespace hpfeeds::cli
