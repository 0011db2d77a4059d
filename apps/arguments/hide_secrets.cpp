// SPDX-License-Identifier: Apache-2.0
#include "hide_secrets.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace hpfeeds {
namespace {

// `secret` becomes one `*`; what stands behind it moves up, and the end is filled with NULs, which
// show as nothing. Returns where what stood behind the secret begins now.
char* hide(char* secret, std::size_t bytes) noexcept {
    if (bytes == 0) return secret;
    *secret = '*';
    const std::size_t behind = std::strlen(secret + bytes);
    std::memmove(secret + 1, secret + bytes, behind);
    std::memset(secret + 1 + behind, 0, bytes - 1);
    return secret + 1;
}

bool sounds_secret(std::string_view name) noexcept {
    for (const std::string_view word : {"password", "pass", "secret", "token", "properties"}) {
        const auto found =
            std::search(name.begin(), name.end(), word.begin(), word.end(),
                        [](char left, char right) { return (left | 0x20) == right; });
        if (found != name.end()) return true;
    }
    return false;
}

// Everything between the first `:` and the last `@`, for a password may hold what ought to have
// been escaped; then the options behind the `?`.
void hide_in_url(char* argument) noexcept {
    char* rest = std::strstr(argument, "://");
    if (rest == nullptr) return;
    rest += 3;
    if (char* at = std::strrchr(rest, '@'); at != nullptr) {
        char* colon = std::strchr(rest, ':');
        if (colon != nullptr && colon < at)
            rest = hide(colon + 1, static_cast<std::size_t>(at - colon) - 1);
    }
    char* option = std::strchr(rest, '?');
    while (option != nullptr) {
        ++option;
        char* equals = option + std::strcspn(option, "=&");
        if (*equals == '=' && sounds_secret({option, static_cast<std::size_t>(equals - option)}))
            hide(equals + 1, std::strcspn(equals + 1, "&"));
        option = std::strchr(option, '&');
    }
}

bool begins(const char* text, std::string_view beginning) noexcept {
    return std::strncmp(text, beginning.data(), beginning.size()) == 0;
}

}  // namespace

void hide_secrets(int argc, char** argv) noexcept {
    for (int index = 1; index < argc; ++index) {
        char* argument = argv[index];
        const std::string_view text = argument;
        if (text == "-s" || text == "--secret") {
            if (++index < argc) hide(argv[index], std::strlen(argv[index]));
        } else if (begins(argument, "--secret=")) {
            hide(argument + 9, text.size() - 9);
        } else if (begins(argument, "-s") && text.size() > 2) {
            hide(argument + 2, text.size() - 2);
        } else {
            hide_in_url(argument);
        }
    }
}

std::string without_url_secrets(std::string text) {
    hide_in_url(text.data());
    text.resize(std::strlen(text.c_str()));
    return text;
}

}  // namespace hpfeeds
