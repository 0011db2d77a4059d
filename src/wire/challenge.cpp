// SPDX-License-Identifier: Apache-2.0
#include "wire/challenge.hpp"

#include "hpfeeds/error.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <sys/random.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace hpfeeds::wire {

void fill_random(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t drawn = getrandom(out.data(), out.size(), 0);
        if (drawn < 0 && errno == EINTR) continue;
        if (drawn <= 0)
            throw Error(std::string("getrandom failed: ") + std::strerror(errno) +
                        "; the broker cannot challenge clients without randomness");
        out = out.subspan(static_cast<std::size_t>(drawn));
    }
}

Digest digest_of(std::span<const std::byte> nonce, std::string_view secret) noexcept {
    // Secrets and nonces are short; those that are not go through a heap buffer. One contiguous
    // input lets the one-shot SHA1() do, which costs less than a context.
    std::array<unsigned char, 512> small;
    std::vector<unsigned char> large;
    unsigned char* input = small.data();
    const std::size_t size = nonce.size() + secret.size();
    if (size > small.size()) {
        large.resize(size);
        input = large.data();
    }
    if (!nonce.empty()) std::memcpy(input, nonce.data(), nonce.size());
    if (!secret.empty()) std::memcpy(input + nonce.size(), secret.data(), secret.size());
    Digest digest;
    SHA1(input, size, reinterpret_cast<unsigned char*>(digest.data()));
    OPENSSL_cleanse(input, size);
    return digest;
}

bool equal_constant_time(std::span<const std::byte> claim, const Digest& expected) noexcept {
    return claim.size() == expected.size() &&
           CRYPTO_memcmp(claim.data(), expected.data(), expected.size()) == 0;
}

}  // namespace hpfeeds::wire
