// SPDX-License-Identifier: Apache-2.0
#include "auth/known_keys.hpp"

#include "unit/auth/account_builder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::auth {
namespace {

using tests::shared_account_of;

KnownKeys::Entry entry_of(const std::string& ident) {
    return {shared_account_of(ident), {}};
}

TEST(KnownKeys, KnowsWhatItWasTold) {
    KnownKeys known;
    EXPECT_EQ(known.find("bob"), nullptr);
    known.keep("bob", entry_of("bob"), 10);
    ASSERT_NE(known.find("bob"), nullptr);
    EXPECT_EQ(known.find("bob")->account->ident, "bob");
    known.forget_all();
    EXPECT_EQ(known.find("bob"), nullptr);
}

TEST(KnownKeys, KeepsNoMoreThanItsBoundOfAccounts) {
    KnownKeys known;
    for (std::size_t i = 0; i <= known_keys_max; ++i)
        known.keep("sensor" + std::to_string(i), entry_of("sensor"), 1);
    EXPECT_EQ(known.size(), 1U);
    EXPECT_NE(known.find("sensor" + std::to_string(known_keys_max)), nullptr);
}

TEST(KnownKeys, KeepsNoMoreThanItsBoundOfBytes) {
    KnownKeys known;
    known.keep("large", entry_of("large"), known_keys_bytes_max + 1);
    EXPECT_EQ(known.size(), 0U);
    known.keep("one", entry_of("one"), known_keys_bytes_max - 1);
    known.keep("two", entry_of("two"), 1);
    EXPECT_EQ(known.size(), 2U);
    known.keep("three", entry_of("three"), 1);
    EXPECT_EQ(known.size(), 1U);
}

}  // namespace
}  // namespace hpfeeds::auth
