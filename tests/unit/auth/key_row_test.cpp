// SPDX-License-Identifier: Apache-2.0
#include "auth/key_row.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(KeyRow, IsAnAccount) {
    core::Account account;
    ASSERT_EQ(
        read_key_row({"me", "bob", "s3cret", R"(["b","a"])", "[]"}, authkeys_columns, account), "");
    EXPECT_EQ(account.owner, "me");
    EXPECT_EQ(account.ident, "bob");
    EXPECT_EQ(account.secret, "s3cret");
    EXPECT_THAT(account.pubchans.names(), ElementsAre("a", "b"));
    EXPECT_THAT(account.subchans.names(), IsEmpty());
}

TEST(KeyRow, NullMeansTheIdentOrAnEmptyList) {
    core::Account account;
    ASSERT_EQ(read_key_row({{}, "bob", "s3cret", {}, "null"}, auth_keys_columns, account), "");
    EXPECT_EQ(account.owner, "bob");
    EXPECT_THAT(account.pubchans.names(), IsEmpty());
    EXPECT_THAT(account.subchans.names(), IsEmpty());
}

TEST(KeyRow, ComplaintsNameTableIdentAndColumn) {
    core::Account account;
    EXPECT_EQ(read_key_row({{}, "bob", {}, {}, {}}, auth_keys_columns, account),
              "table auth_keys, row of \"bob\": column secret is empty, so nobody may log in");
    EXPECT_EQ(read_key_row({{}, "bob", "s", "a,b", {}}, auth_keys_columns, account),
              "table auth_keys, row of \"bob\": column publish is not JSON; write it like "
              "[\"channel\"]");
    EXPECT_EQ(read_key_row({{}, "b\nb", "s", {}, "{}"}, authkeys_columns, account),
              "table authkeys, row of \"b\\x0ab\": column subchans is a JSON object, not a list "
              "like [\"channel\"]");
}

}  // namespace
}  // namespace hpfeeds::auth
