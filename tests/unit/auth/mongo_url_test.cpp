// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_url.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using tests::message_of;

std::string fault(const std::string& url) {
    return message_of<Error>([&] { (void)split_mongo_url(url); });
}

TEST(MongoUrl, HasItsPiecesAsTheyStand) {
    const MongoUrl url = split_mongo_url("mongodb://me:p%40ss@a:1,b:2/db?x=1&y=a%20b");
    EXPECT_EQ(url.scheme, "mongodb://");
    EXPECT_EQ(url.user, "me");
    EXPECT_EQ(url.password, "p%40ss");
    EXPECT_EQ(url.hosts, "a:1,b:2");
    EXPECT_EQ(url.database, "db");
    EXPECT_THAT(url.options, testing::ElementsAre(Pair("x", "1"), Pair("y", "a%20b")));
    EXPECT_EQ(url.name(), "mongodb://a:1,b:2/db");
}

TEST(MongoUrl, MayDoWithoutUserPasswordAndOptions) {
    EXPECT_FALSE(split_mongo_url("mongodb+srv://cluster.example/db").user);
    EXPECT_EQ(split_mongo_url("mongodb+srv://cluster.example/db").scheme, "mongodb+srv://");
    const MongoUrl url = split_mongo_url("mongodb://me@h/db?");
    EXPECT_EQ(url.user, "me");
    EXPECT_FALSE(url.password);
    EXPECT_TRUE(url.options.empty());
}

TEST(MongoUrl, MustNameAHostAndADatabase) {
    EXPECT_THAT(fault("mongodb://"), HasSubstr("no host is named"));
    EXPECT_THAT(fault("mongodb://me:hunter2@/db"), HasSubstr("no host is named"));
    EXPECT_THAT(fault("mongodb://h:1"), HasSubstr("as in mongodb://h:1/hpfeeds"));
    EXPECT_THAT(fault("mongodb://h:1/?x=1"), HasSubstr("no database is named"));
    EXPECT_THAT(fault("mongodb:h"), HasSubstr("mongodb://HOST:PORT/DATABASE"));
    EXPECT_THAT(fault("mongodb://h/db?x"), HasSubstr("NAME=VALUE"));
    EXPECT_THAT(fault("mongodb://h/db?=x"), HasSubstr("NAME=VALUE"));
}

// The driver takes it for the end, and then knows of no database.
TEST(MongoUrl, HoldsNoNul) {
    const std::string with_nul{"mongodb://u\0:p@b:/db", 20};
    EXPECT_THAT(message_of<Error>([&] { static_cast<void>(split_mongo_url(with_nul)); }),
                AllOf(HasSubstr("NUL"), HasSubstr("mongodb://")));
}

TEST(MongoUrl, IsToldOnOneLine) {
    EXPECT_EQ(split_mongo_url("mongodb://me@a\nb/d\x1b").name(), R"(mongodb://a\x0ab/d\x1b)");
    EXPECT_THAT(fault("mongodb://a\nb"), AllOf(HasSubstr(R"(a\x0ab)"), Not(HasSubstr("\n"))));
}

TEST(MongoUrl, NeverTakesAPieceOfAPasswordForSomethingElse) {
    for (const char* url :
         {"mongodb://me:hunter/2@h/db", "mongodb://me:hunter@2@h/db", "mongodb://me:hunter?2@h/db",
          "mongodb://me:hunter:2@h/db", "mongodb://me:hunter2@", "mongodb://h/db?a=hunter@2"})
        EXPECT_THAT(fault(url), AllOf(Not(HasSubstr("hunter")), HasSubstr("mongodb://"))) << url;
}

}  // namespace
}  // namespace hpfeeds::auth
