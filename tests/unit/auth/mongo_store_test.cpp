// SPDX-License-Identifier: Apache-2.0
// What the store does without a server; tests/mongodb has the rest, against a real one.
#include "auth/mongo_store.hpp"

#include "auth/open_source.hpp"
#include "hpfeeds/error.hpp"
#include "unit/auth/account_builder.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::account_of;
using tests::message_of;

// Nothing listens there, and nobody waits long.
const std::string nowhere =
    "mongodb://me:hunter2@127.0.0.1:1/db?serverSelectionTimeoutMS=1&connectTimeoutMS=1";

TEST(MongoStore, IsOpenedByItsUrlWithoutAskingTheServer) {
    EXPECT_EQ(open_source(nowhere)->name(), "mongodb://127.0.0.1:1/db");
    EXPECT_EQ(open_store(nowhere)->name(), "mongodb://127.0.0.1:1/db");
    EXPECT_EQ(open_listable(nowhere)->name(), "mongodb://127.0.0.1:1/db");
    EXPECT_THAT(message_of<Error>([] { (void)open_source("mongodb://me:hunter2@h"); }),
                AllOf(HasSubstr("no database is named"), Not(HasSubstr("hunter2"))));
}

TEST(MongoStore, CannotTellWithoutAServerAndSaysWhichOne) {
    MongoStore store(nowhere, {lookup_timeout, lookup_timeout});
    const Lookup lookup = store.find("bob");
    EXPECT_EQ(lookup.status, Lookup::Status::unavailable);
    EXPECT_THAT(lookup.reason, AllOf(HasSubstr("mongodb://127.0.0.1:1/db: no server answers"),
                                     HasSubstr("is it running"), Not(HasSubstr("hunter2"))));
    // How somebody asks whether the store is there.
    EXPECT_EQ(store.find("").status, Lookup::Status::unavailable);
}

TEST(MongoStore, AsksNobodyAboutWhatNoDocumentCanHold) {
    MongoStore store(nowhere, {lookup_timeout, lookup_timeout});
    for (const std::string& ident : {std::string("\xff"), std::string(256, 'x')})
        EXPECT_EQ(store.find(ident).status, Lookup::Status::absent);
    EXPECT_FALSE(store.remove("\xff"));
}

TEST(MongoStore, RefusesToPutWhatNoDocumentCanHold) {
    MongoStore store(nowhere, {lookup_timeout, lookup_timeout});
    EXPECT_THAT(message_of<Error>([&] { store.put(account_of("\xff")); }), HasSubstr("not UTF-8"));
    EXPECT_THAT(message_of<Error>([&] { store.put(account_of("bob", "")); }),
                HasSubstr("\"secret\" is empty"));
    EXPECT_EQ(store.fault_in(account_of("bob", "s", {"a"}, {"b"})), "");
}

TEST(MongoStore, SaysWhyItCannotBeManaged) {
    MongoStore store(nowhere, {lookup_timeout, lookup_timeout});
    const auto expected =
        AllOf(HasSubstr("mongodb://127.0.0.1:1/db: no server answers"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(message_of<Error>([&] { (void)store.list(); }), expected);
    EXPECT_THAT(message_of<Error>([&] { store.put(account_of("bob")); }), expected);
    EXPECT_THAT(message_of<Error>([&] { (void)store.remove("bob"); }), expected);
}

}  // namespace
}  // namespace hpfeeds::auth
