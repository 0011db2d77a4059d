// SPDX-License-Identifier: Apache-2.0
#include "wire/challenge.hpp"

#include "bytes_of.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::wire {
namespace {

using testing::bytes_of;

std::string hex(std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
        text.push_back(digits[std::to_integer<std::size_t>(byte >> 4)]);
        text.push_back(digits[std::to_integer<std::size_t>(byte & std::byte{0x0F})]);
    }
    return text;
}

std::string digest_hex(std::string_view nonce, std::string_view secret) {
    return hex(digest_of(bytes_of(nonce), secret));
}

// ---- the digest: vectors of FIPS 180-1 and of the validation suite, split anywhere

TEST(Digest, IsSha1) {
    EXPECT_EQ(digest_hex("", ""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(digest_hex("", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(digest_hex("", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(Digest, OfALongSecretIsSha1Too) {
    EXPECT_EQ(digest_hex("", std::string(1'000'000, 'a')),
              "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Digest, IsOverTheNonceAndThenTheSecret) {
    const std::string_view text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
        EXPECT_EQ(digest_hex(text.substr(0, cut), text.substr(cut)),
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    EXPECT_NE(digest_hex("ab", "c"), digest_hex("c", "ab"));
}

TEST(Digest, DoesNotChangeWhereTheBufferDoes) {
    // 512 bytes fit the small buffer; one more goes through the heap. The sums are sha1sum's.
    EXPECT_EQ(digest_hex("aaaa", std::string(507, 'a')),
              "b9370eafb7ac772c6c1dc6b88ac9ad466b880ea1");
    EXPECT_EQ(digest_hex("aaaa", std::string(508, 'a')),
              "164557facb73929875168c1e92caf09bb6064564");
    EXPECT_EQ(digest_hex("aaaa", std::string(509, 'a')),
              "87ecd7233dbe9d7543a9a199fc671a90e469873d");
}

TEST(Digest, TakesSecretsAsBytes) {
    EXPECT_NE(digest_hex("nnnn", std::string("a\0b", 3)), digest_hex("nnnn", "a"));
    EXPECT_NE(digest_hex("nnnn", "\xc3\xbc"), digest_hex("nnnn", "\xfc"));
}

// ---- the comparison

TEST(EqualConstantTime, AcceptsTheDigestItself) {
    const Digest digest = digest_of(bytes_of("nnnn"), "secret");
    EXPECT_TRUE(equal_constant_time(digest, digest));
}

TEST(EqualConstantTime, SeesEveryBitOfDifference) {
    const Digest expected = digest_of(bytes_of("nnnn"), "secret");
    for (std::size_t index = 0; index < expected.size(); ++index) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            Digest claim = expected;
            claim[index] ^= std::byte{1} << bit;
            EXPECT_FALSE(equal_constant_time(claim, expected)) << index << ' ' << bit;
        }
    }
}

TEST(EqualConstantTime, RefusesClaimsOfAnotherLength) {
    const Digest expected = digest_of(bytes_of("nnnn"), "secret");
    for (std::size_t size = 0; size < expected.size(); ++size)
        EXPECT_FALSE(equal_constant_time(std::span(expected).first(size), expected));
    std::vector<std::byte> longer(expected.begin(), expected.end());
    longer.push_back(std::byte{0});
    EXPECT_FALSE(equal_constant_time(longer, expected));
    EXPECT_FALSE(equal_constant_time({}, Digest{}));
}

// ---- randomness. No test proves it; these find the mistakes that are made with it.

TEST(FillRandom, GivesOtherNoncesEveryTime) {
    std::set<Nonce> seen;
    // Among 1000 random nonces of 4 bytes two are equal with a chance of 1 in 8600.
    for (int draw = 0; draw < 1000; ++draw) {
        Nonce nonce{};
        fill_random(nonce);
        seen.insert(nonce);
    }
    EXPECT_GE(seen.size(), 998U);
}

TEST(FillRandom, FillsEveryByteOfALargeBuffer) {
    // More than one getrandom() call is promised to give without being interrupted (256 bytes).
    std::vector<std::byte> drawn(100'000);
    fill_random(drawn);
    std::array<unsigned, 256> counts{};
    for (const std::byte byte : drawn)
        ++counts[std::to_integer<std::size_t>(byte)];
    // About 391 of each value are expected; ten standard deviations are 198.
    for (const unsigned count : counts) {
        EXPECT_GT(count, 190U);
        EXPECT_LT(count, 590U);
    }
    EXPECT_FALSE(std::equal(drawn.begin(), drawn.begin() + 50'000, drawn.begin() + 50'000));
}

TEST(FillRandom, LeavesTheNeighboursAlone) {
    std::array<std::byte, 12> memory{};
    fill_random(std::span(memory).subspan(4, 4));
    for (const std::size_t index : {0U, 1U, 2U, 3U, 8U, 9U, 10U, 11U})
        EXPECT_EQ(memory[index], std::byte{0});
}

TEST(FillRandom, OfNothingIsNothing) {
    EXPECT_NO_THROW(fill_random({}));
}

}  // namespace
}  // namespace hpfeeds::wire
