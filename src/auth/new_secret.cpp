// SPDX-License-Identifier: Apache-2.0
#include "auth/new_secret.hpp"

#include "hpfeeds/error.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace hpfeeds::auth {

namespace {

std::array<unsigned char, 32> random_bytes() {
    std::array<unsigned char, 32> random{};
    // Up to 256 bytes, getrandom gives all or nothing.
    while (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        if (errno != EINTR)
            throw Error(std::string("the system gives no randomness for a secret: ") +
                        std::strerror(errno));
    return random;
}

}  // namespace

std::string new_secret() {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static_assert(alphabet.size() == 64, "so that six bits of a byte choose without bias");
    std::string secret;
    // Not a first `-`: as an argument it would look like an option.
    while (secret.empty() || secret.front() == '-') {
        secret.clear();
        for (const unsigned char byte : random_bytes())
            secret += alphabet[byte & 63U];
    }
    return secret;
}

}  // namespace hpfeeds::auth
