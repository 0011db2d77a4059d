// SPDX-License-Identifier: Apache-2.0
#include "core/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <array>

namespace hpfeeds::core {
namespace {

// The vectors of the paper (Aumasson, Bernstein: SipHash, 2012) and of its reference.
TEST(KeyedHash, IsSipHash) {
    const HashKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    std::array<std::uint8_t, 15> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(i);
    EXPECT_EQ(keyed_hash(key, bytes), 0xa129ca6149be45e5U);
    EXPECT_EQ(keyed_hash(key, std::string_view()), 0x726fdb47dd0e0e31U);
}

TEST(KeyedHash, DependsOnItsKey) {
    EXPECT_NE(keyed_hash({1, 0}, "ident"), keyed_hash({2, 0}, "ident"));
    EXPECT_NE(keyed_hash({0, 1}, "ident"), keyed_hash({0, 2}, "ident"));
}

}  // namespace
}  // namespace hpfeeds::core
