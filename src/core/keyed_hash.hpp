// SPDX-License-Identifier: Apache-2.0
// keyed_hash.hpp: SipHash-2-4, for tables whose keys are brought by strangers: who does not know
// the hash's key cannot choose names or addresses that fall together.
//
// Threads  any.    Errors  nothing throws.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hpfeeds::core {

// Drawn by whoever builds the broker, once.
struct HashKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

[[nodiscard]] inline std::uint64_t keyed_hash(const HashKey& key,
                                              std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t v0 = key.low ^ 0x736f6d6570736575U;
    std::uint64_t v1 = key.high ^ 0x646f72616e646f6dU;
    std::uint64_t v2 = key.low ^ 0x6c7967656e657261U;
    std::uint64_t v3 = key.high ^ 0x7465646279746573U;
    const auto rounds = [&](int count) {
        for (; count > 0; --count) {
            v0 += v1;
            v2 += v3;
            v1 = std::rotl(v1, 13) ^ v0;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 = std::rotl(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = std::rotl(v1, 17) ^ v2;
            v3 = std::rotl(v3, 21) ^ v0;
            v2 = std::rotl(v2, 32);
        }
    };
    const auto take_in = [&](std::uint64_t word) {
        v3 ^= word;
        rounds(2);
        v0 ^= word;
    };
    const auto word_of = [](std::span<const std::uint8_t> part) {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < part.size(); ++i)
            word |= std::uint64_t{part[i]} << (8 * i);
        return word;
    };
    const std::uint64_t last = std::uint64_t{bytes.size()} << 56;
    for (; bytes.size() >= 8; bytes = bytes.subspan(8))
        take_in(word_of(bytes.first(8)));
    take_in(last | word_of(bytes));
    v2 ^= 0xff;
    rounds(4);
    return v0 ^ v1 ^ v2 ^ v3;
}

[[nodiscard]] inline std::uint64_t keyed_hash(const HashKey& key, std::string_view text) noexcept {
    return keyed_hash(key, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace hpfeeds::core
