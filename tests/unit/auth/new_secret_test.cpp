// SPDX-License-Identifier: Apache-2.0
#include "auth/new_secret.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace hpfeeds::auth {
namespace {

TEST(NewSecret, Is32UrlSafeCharactersAndNoOption) {
    for (int turn = 0; turn < 1000; ++turn) {
        const std::string secret = new_secret();
        EXPECT_THAT(secret, testing::MatchesRegex("[A-Za-z0-9_][A-Za-z0-9_-]*"));
        EXPECT_EQ(secret.size(), 32U);
    }
}

TEST(NewSecret, NeverComesTwiceAndUsesTheWholeAlphabet) {
    std::set<std::string> secrets;
    std::set<char> characters;
    for (int turn = 0; turn < 1000; ++turn) {
        const std::string secret = new_secret();
        secrets.insert(secret);
        characters.insert(secret.begin(), secret.end());
    }
    EXPECT_EQ(secrets.size(), 1000U);
    EXPECT_EQ(characters.size(), 64U);  // misses one with a chance below 10^-200
}

}  // namespace
}  // namespace hpfeeds::auth
