// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_documents.hpp"

#include "unit/auth/account_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::account_of;

// What reading says of the document.
std::string read(const std::string& json, core::Account& account) {
    bson_error_t error{};
    const BsonPtr document(bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json.data()),
                                              static_cast<ssize_t>(json.size()), &error));
    if (!document) return std::string("not JSON: ") + error.message;
    return read_mongo_document(*document.get(), account);
}

std::string as_json(const BsonPtr& document) {
    char* text = bson_as_relaxed_extended_json(document.get(), nullptr);
    std::string out(text);
    bson_free(text);
    return out;
}

std::string fault(const std::string& json) {
    core::Account account;
    return read(json, account);
}

TEST(MongoDocuments, AreTheDocumentedOnes) {
    core::Account account;
    EXPECT_EQ(read(R"({"identifier": "testing", "secret": "secretkey",
                  "publish": ["chan1", "chan2"], "subscribe": ["chan2"], "more": {"x": 1}})",
                   account),
              "");
    EXPECT_EQ(account.ident, "testing");
    EXPECT_EQ(account.owner, "testing");
    EXPECT_EQ(account.secret, "secretkey");
    EXPECT_THAT(account.pubchans.names(), ElementsAre("chan1", "chan2"));
    EXPECT_THAT(account.subchans.names(), ElementsAre("chan2"));
}

TEST(MongoDocuments, MayNameAnOwnerAndLackLists) {
    core::Account account;
    EXPECT_EQ(
        read(R"({"identifier": "a", "secret": "s", "owner": "Jane", "publish": null})", account),
        "");
    EXPECT_EQ(account.owner, "Jane");
    EXPECT_THAT(account.pubchans.names(), IsEmpty());
    EXPECT_THAT(account.subchans.names(), IsEmpty());
    EXPECT_EQ(fault(R"({"identifier": "a", "secret": "s", "owner": null})"), "");
}

TEST(MongoDocuments, AreRefusedByFieldAndType) {
    EXPECT_EQ(fault("{}"), R"(field "identifier" is missing)");
    EXPECT_EQ(fault(R"({"identifier": 5})"), R"(field "identifier" is a number, not a string)");
    EXPECT_EQ(fault(R"({"identifier": "a"})"), R"(field "secret" is missing)");
    EXPECT_EQ(fault(R"({"identifier": "a", "secret": null})"),
              R"(field "secret" is null, not a string)");
    EXPECT_EQ(fault(R"({"identifier": "a", "secret": true})"),
              R"(field "secret" is a boolean, not a string)");
    EXPECT_THAT(fault(R"({"identifier": "a", "secret": ""})"), HasSubstr("is empty"));
    EXPECT_THAT(fault(R"({"identifier": "a", "secret": "s", "publish": "x"})"),
                HasSubstr(R"(field "publish" is a string, not a list)"));
    EXPECT_THAT(fault(R"({"identifier": "a", "secret": "s", "subscribe": {"0": "x"}})"),
                HasSubstr(R"(field "subscribe" is a document, not a list)"));
    EXPECT_THAT(fault(R"({"identifier": "a", "secret": "s", "subscribe": ["x", ["y"]]})"),
                HasSubstr(R"(field "subscribe" lists a list)"));
    EXPECT_THAT(
        fault(
            R"({"identifier": "a", "secret": "s", "owner": {"$oid": "5e35e5f09ba2a06adeef5be0"}})"),
        HasSubstr(R"(field "owner" is of an unexpected type)"));
}

TEST(MongoDocuments, AskForAnIdentAsAValue) {
    EXPECT_EQ(as_json(mongo_filter(R"({"$ne": 1})")), R"({ "identifier" : "{\"$ne\": 1}" })");
    EXPECT_EQ(as_json(mongo_filter(std::string_view("a\0b", 3))),
              R"({ "identifier" : "a\u0000b" })");
    EXPECT_EQ(as_json(mongo_filter("")), R"({ "identifier" : "" })");
    EXPECT_EQ(as_json(mongo_look_up_options(std::chrono::milliseconds(5))),
              R"({ "limit" : 1, "projection" : { "identifier" : 1, "secret" : 1, "owner" : 1, )"
              R"("publish" : 1, "subscribe" : 1 }, "singleBatch" : true, "maxTimeMS" : 5 })");
}

TEST(MongoDocuments, AreChangedInOurFieldsAlone) {
    core::Account account = account_of("a", "s", {"x", "y"}, {});
    EXPECT_EQ(as_json(mongo_update(account)),
              R"({ "$set" : { "secret" : "s", "publish" : [ "x", "y" ], "subscribe" : [  ], )"
              R"("owner" : "a's owner" } })");
    account.owner = "a";
    EXPECT_THAT(as_json(mongo_update(account)), HasSubstr(R"("$unset" : { "owner" : "" })"));
}

TEST(MongoDocuments, HoldUtf8Alone) {
    EXPECT_EQ(fault_of_mongo_text(account_of("ident", "s", {"gr\xc3\xbc\xc3\x9f"}, {})), "");
    EXPECT_THAT(fault_of_mongo_text(account_of("\xff")), HasSubstr("ident is not UTF-8"));
    EXPECT_THAT(fault_of_mongo_text(account_of("a", "\xff")), HasSubstr("\"secret\" is not UTF-8"));
    EXPECT_THAT(fault_of_mongo_text(account_of("a", "s", {}, {"\xff"})),
                HasSubstr("channel \"\\xff\" is not UTF-8"));
}

}  // namespace
}  // namespace hpfeeds::auth
