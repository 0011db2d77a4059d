// SPDX-License-Identifier: Apache-2.0
#include "auth/json_accounts.hpp"

#include "auth/limits.hpp"
#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string refusal_of(std::string_view text) {
    return tests::message_of<Error>([&] { (void)parse_json_accounts(text); });
}

// {"bob": {…}} with one field replaced or, by an empty value, left out.
std::string bob_with(const std::string& field, const std::string& value) {
    std::string entry;
    for (const std::string name : {"owner", "secret", "pubchans", "subchans"}) {
        std::string text = name.ends_with("chans") ? "[\"c\"]" : "\"o\"";
        if (name == field) text = value;
        if (text.empty()) continue;
        if (!entry.empty()) entry += ", ";
        entry.append("\"").append(name).append("\": ").append(text);
    }
    return "{\"bob\": {" + entry + "}}";
}

TEST(JsonAccounts, AreReadInTheirOrder) {
    const auto accounts = parse_json_accounts(R"({
      "zoe": {"owner": "o", "secret": "s", "subchans": ["b", "a"], "pubchans": []},
      "amy": {"owner": "", "secret": "t", "subchans": [], "pubchans": ["x"]}
    })");
    ASSERT_EQ(accounts.size(), 2U);
    EXPECT_EQ(accounts[0].ident, "zoe");
    EXPECT_EQ(accounts[0].owner, "o");
    EXPECT_EQ(accounts[0].secret, "s");
    EXPECT_THAT(accounts[0].subchans.names(), ElementsAre("a", "b"));
    EXPECT_THAT(accounts[0].pubchans.names(), ElementsAre());
    EXPECT_EQ(accounts[1].ident, "amy");
    EXPECT_THAT(accounts[1].pubchans.names(), ElementsAre("x"));
}

TEST(JsonAccounts, MayBeNone) {
    EXPECT_TRUE(parse_json_accounts(" {} \n").empty());
}

TEST(JsonAccounts, TakeStringsAsTheirUtf8Bytes) {
    const auto accounts = parse_json_accounts(
        R"({"f\u00fc\"'": {"owner": "o", "secret": "a\u0000b", "subchans": [], "pubchans": []}})");
    EXPECT_EQ(accounts.at(0).ident, "f\xC3\xBC\"'");
    EXPECT_EQ(accounts.at(0).secret, std::string("a\0b", 3));
}

TEST(JsonAccounts, SkipFieldsThatWeDoNotKnow) {
    const auto accounts = parse_json_accounts(R"({"bob": {
      "note": {"owner": 1, "deep": [[{"secret": null}], true, 1.5e3, "x"]}, "secret": "s",
      "n": null, "pubchans": [], "owner": "o", "subchans": ["c"], "tags": ["owner", {"pubchans": 7}],
      "m": -1}})");
    ASSERT_EQ(accounts.size(), 1U);
    EXPECT_EQ(accounts[0].secret, "s");
    EXPECT_THAT(accounts[0].subchans.names(), ElementsAre("c"));
}

TEST(JsonAccounts, ATrailingCommaGivesLineAndColumn) {
    const std::string refusal = refusal_of(R"({
  "my-user-ident": {
    "owner": "my-owner",
    "secret": "my-really-strong-passphrase",
    "subchans": ["chan1"],
    "pubchans": [],
  }
})");
    EXPECT_THAT(refusal, testing::StartsWith("line 7, column 3: "));
    EXPECT_THAT(refusal, HasSubstr("no comma behind the last item"));
    EXPECT_THAT(refusal_of(R"({"bob": {"pubchans": ["a",]}})"),
                HasSubstr("no comma behind the last item"));
}

TEST(JsonAccounts, RefuseATextCutOffAnywhere) {
    const std::string whole =
        R"({"bob": {"owner": "o", "secret": "s", "pubchans": ["a", "b"], "subchans": []}})";
    ASSERT_EQ(parse_json_accounts(whole).size(), 1U);
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
        EXPECT_THROW((void)parse_json_accounts(whole.substr(0, bytes)), Error) << bytes;
    EXPECT_THAT(refusal_of(""), HasSubstr("empty or only half written"));
}

TEST(JsonAccounts, NeverRepeatWhatMayBeASecret) {
    EXPECT_THAT(refusal_of("{\"bob\": {\"secret\": \"hunter2\n\"}}"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(refusal_of("{\"bob\": {\"secret\": hunter2}}"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(refusal_of("{\"bob\": {\"secret\": [\"hunter2\"]}}"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(refusal_of("{\"bob\": {\"secret\": \"hunter2\xFF\"}}"), Not(HasSubstr("hunter2")));
}

TEST(JsonAccounts, RefuseAnythingButAMappingOfMappings) {
    EXPECT_THAT(refusal_of("[]"), HasSubstr("the file holds a list"));
    EXPECT_THAT(refusal_of("\"x\""), HasSubstr("the file holds a string"));
    EXPECT_THAT(refusal_of("7"), HasSubstr("the file holds a number"));
    EXPECT_THAT(refusal_of("-7"), HasSubstr("the file holds a number"));
    EXPECT_THAT(refusal_of("true"), HasSubstr("the file holds a boolean"));
    EXPECT_THAT(refusal_of("null"), HasSubstr("the file holds null"));
    EXPECT_THAT(refusal_of("{\"bob\": []}"), HasSubstr("entry \"bob\" is a list"));
    EXPECT_THAT(refusal_of("{\"bob\": \"s\"}"), HasSubstr("entry \"bob\" is a string"));
    EXPECT_THAT(refusal_of("{\"bob\": 1.5}"), HasSubstr("entry \"bob\" is a number"));
    EXPECT_THAT(refusal_of("{} {}"), HasSubstr("line 1, column 4"));
}

TEST(JsonAccounts, RefuseAMissingField) {
    for (const std::string field : {"owner", "secret", "pubchans", "subchans"})
        EXPECT_EQ(refusal_of(bob_with(field, "")),
                  "entry \"bob\": field \"" + field + "\" is missing");
}

TEST(JsonAccounts, RefuseAFieldOfTheWrongType) {
    for (const std::string field : {"owner", "secret"}) {
        for (const std::string value : {"null", "7", "true", "[]", "{}", "1.5"})
            EXPECT_THAT(refusal_of(bob_with(field, value)),
                        HasSubstr("field \"" + field + "\" is "))
                << value;
    }
    for (const std::string field : {"pubchans", "subchans"}) {
        for (const std::string value : {"null", "7", "true", "\"c\"", "{}"})
            EXPECT_THAT(refusal_of(bob_with(field, value)), HasSubstr("must be a list of strings"))
                << value;
        for (const std::string value : {"[7]", "[null]", "[\"a\", [\"b\"]]", "[{}]", "[false]"})
            EXPECT_THAT(refusal_of(bob_with(field, value)), HasSubstr("may list strings alone"))
                << value;
    }
}

TEST(JsonAccounts, RefuseWhatBreaksARule) {
    EXPECT_THAT(refusal_of(R"({"": {"owner": 1}})"), HasSubstr("the ident is empty"));
    EXPECT_THAT(refusal_of("{\"" + std::string(256, 'i') + "\": {}}"), HasSubstr("256 bytes"));
    EXPECT_THAT(refusal_of(bob_with("secret", "\"\"")), HasSubstr("\"secret\" is empty"));
    EXPECT_THAT(refusal_of(bob_with("pubchans", "[\"" + std::string(256, 'c') + "\"]")),
                HasSubstr("\"pubchans\" names a channel that has 256 bytes"));
}

TEST(JsonAccounts, RefuseWhatIsSaidTwice) {
    EXPECT_THAT(refusal_of(R"({"bob": {"owner": "o", "secret": "s", "pubchans": [], "subchans": []},
                              "bob": {}})"),
                HasSubstr("entry \"bob\" appears twice"));
    EXPECT_THAT(refusal_of(R"({"bob": {"secret": "s", "secret": "t"}})"),
                HasSubstr("field \"secret\" appears twice"));
}

TEST(JsonAccounts, RefuseBracketsWithoutEnd) {
    const std::string deep(100'000, '[');
    EXPECT_THAT(refusal_of("{\"bob\": {\"x\": " + deep), HasSubstr("nested more than 64 deep"));
}

TEST(JsonAccounts, RefuseWhatIsNotUtf8) {
    EXPECT_THAT(refusal_of("{\"b\xFF\": {}}"), HasSubstr("line 1, column 4"));
}

}  // namespace
}  // namespace hpfeeds::auth
