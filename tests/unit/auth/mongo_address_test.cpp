// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_address.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::message_of;

constexpr MongoTimeouts usual_timeouts{2'000ms, 2'000ms};

std::string fault(const std::string& url) {
    return message_of<Error>([&] { MongoAddress(url, usual_timeouts); });
}

std::int32_t number(const MongoAddress& address, const char* option) {
    return mongoc_uri_get_option_as_int32(address.uri(), option, -1);
}

TEST(MongoAddress, TakesTheCollectionOutOfWhatTheDriverReads) {
    const MongoAddress usual("mongodb://h/db", usual_timeouts);
    EXPECT_EQ(usual.database(), "db");
    EXPECT_EQ(usual.collection(), "auth_key");
    EXPECT_EQ(usual.name(), "mongodb://h/db");
    const MongoAddress other("mongodb://h/db?Collection=my%20keys&replicaSet=rs", usual_timeouts);
    EXPECT_EQ(other.collection(), "my keys");
    EXPECT_EQ(other.name(), "mongodb://h/db?collection=my keys");
    EXPECT_STREQ(mongoc_uri_get_string(other.uri()), "mongodb://h/db?replicaSet=rs");
}

TEST(MongoAddress, BoundsEveryStepUnlessTheUrlDoes) {
    const MongoAddress usual("mongodb://h/db", {3'000ms, 7'000ms});
    EXPECT_EQ(number(usual, MONGOC_URI_SERVERSELECTIONTIMEOUTMS), 3'000);
    EXPECT_EQ(number(usual, MONGOC_URI_CONNECTTIMEOUTMS), 3'000);
    EXPECT_EQ(number(usual, MONGOC_URI_WAITQUEUETIMEOUTMS), 3'000);
    EXPECT_EQ(usual.answer_timeout(), 7'000ms);
    EXPECT_FALSE(mongoc_uri_get_option_as_bool(usual.uri(), MONGOC_URI_RETRYREADS, true));
    const MongoAddress given(
        "mongodb://h/db?socketTimeoutMS=5&connectTimeoutMS=6&serverSelectionTimeoutMS=7"
        "&retryReads=true",
        usual_timeouts);
    EXPECT_EQ(number(given, MONGOC_URI_SERVERSELECTIONTIMEOUTMS), 7);
    EXPECT_EQ(number(given, MONGOC_URI_CONNECTTIMEOUTMS), 6);
    EXPECT_EQ(given.answer_timeout(), 5ms);
    EXPECT_TRUE(mongoc_uri_get_option_as_bool(given.uri(), MONGOC_URI_RETRYREADS, false));
}

TEST(MongoAddress, RefusesATimeoutThatWouldNeverEnd) {
    for (const char* option : {"socketTimeoutMS", "connectTimeoutMS", "serverSelectionTimeoutMS"})
        for (const char* value : {"0", "-1", "60001"})
            EXPECT_THAT(fault(std::string("mongodb://h/db?") + option + '=' + value),
                        HasSubstr("must be 1 to 60000 milliseconds"));
}

TEST(MongoAddress, RefusesWhatTheDriverDoesNotKnow) {
    EXPECT_THAT(fault("mongodb://h/db?colection=x"), HasSubstr("no option \"colection\""));
    EXPECT_THAT(fault("mongodb://h/db?tls=perhaps"), HasSubstr("tls"));
    EXPECT_THAT(fault("mongodb://h:port/db"), HasSubstr("Invalid host"));
    EXPECT_THAT(fault("mongodb://h/d$b"), HasSubstr("Invalid database"));
    EXPECT_THAT(fault("mongodb://h\\/db"), HasSubstr("hold no backslash"));
    EXPECT_THAT(fault("mongodb://h/db?tls=a\nb"), Not(HasSubstr("\n")));
    EXPECT_THAT(fault("mongodb://h/db?tls=true&tlsCAFile=/no/such"), HasSubstr("'/no/such'"));
    for (const char* name : {"", "%24x", ".x", "a%00b"})
        EXPECT_NE(fault(std::string("mongodb://h/db?collection=") + name), "") << name;
}

TEST(MongoAddress, KnowsTheOptionsOfTheDriver) {
    const MongoAddress address(
        "mongodb://me:p@h/db?authSource=admin&authMechanism=SCRAM-SHA-256&w=majority&tls=true"
        "&readPreference=secondaryPreferred&readConcernLevel=local&compressors=zlib"
        "&maxPoolSize=9&appname=x",
        usual_timeouts);
    EXPECT_STREQ(mongoc_uri_get_auth_source(address.uri()), "admin");
    EXPECT_STREQ(mongoc_uri_get_appname(address.uri()), "x");
}

TEST(MongoAddress, TellsNoSecret) {
    for (const char* url : {"mongodb://me:hunter2%@h/db", "mongodb://me:hunter2@h/db?x=1",
                            "mongodb://me:hunter2@h:port/db", "mongodb://me:hunter2@h/db?tls=x",
                            "mongodb://me:hunter2@h/db?authMechanism=GSSAPI&authSource=x"})
        EXPECT_THAT(fault(url), AllOf(Not(HasSubstr("hunter2")), Not(testing::IsEmpty()))) << url;
    const MongoAddress address(
        "mongodb://me:hunt%65r2@h/db?tlsCertificateKeyFilePassword=swordfish", usual_timeouts);
    EXPECT_EQ(address.name(), "mongodb://h/db");
    EXPECT_EQ(address.without_secrets("a hunter2 and a hunt%65r2 on a swordfish"),
              "a *** and a *** on a ***");
}

}  // namespace
}  // namespace hpfeeds::auth
