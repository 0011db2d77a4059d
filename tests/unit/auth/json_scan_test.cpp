// SPDX-License-Identifier: Apache-2.0
#include "auth/json_scan.hpp"

#include "auth/json_accounts.hpp"
#include "auth/json_keys.hpp"
#include "hpfeeds/error.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {
namespace {

constexpr std::string_view bob =
    R"({"bob": {"owner": "o", "secret": "s", "pubchans": ["a", "b"], "subchans": []}})";

bool takes(std::string_view text) {
    std::vector<WrittenKey> keys;
    return scan_json_keys(text, keys);
}

// What the strict reader and the quick one make of the text must be the same.
void compare(const std::string& text) {
    std::vector<core::Account> accounts;
    std::optional<std::string> refusal;
    try {
        accounts = parse_json_accounts(text);
    } catch (const Error& error) {
        refusal = error.what();
    }
    try {
        const JsonKeys keys(text);
        ASSERT_FALSE(refusal) << text << ": " << *refusal;
        ASSERT_EQ(keys.size(), accounts.size()) << text;
        for (const core::Account& account : accounts) {
            const AccountRef found = keys.find(account.ident);
            ASSERT_TRUE(found) << text;
            ASSERT_EQ(*found, account) << text;
        }
    } catch (const Error& error) {
        ASSERT_TRUE(refusal) << text << ": " << error.what();
        ASSERT_EQ(*refusal, error.what()) << text;
    }
}

// A bit of everything that JSON has.
const std::vector<std::string> samples{
    std::string(bob),
    "\xEF\xBB\xBF" + std::string(bob),
    "{}",
    " \t\r\n{ } \n",
    "{\n  \"a\": {\n    \"owner\": \"\",\n    \"secret\": \"s\",\n    \"pubchans\": [\"\"],\n"
    "    \"subchans\": [ \"z\" , \"y\" ]\n  }\n}\n",
    R"({"f\u00fc\"'\\": {"ow\u006eer": "\ud83d\ude00", "secret": "a\u0000b\n", "subchans": ["\/"],)"
    R"( "pubchans": ["x\ty"]}})",
    "{\"f\xC3\xBC\": {\"owner\": \"\xF0\x9F\x98\x80\", \"secret\": \"s\", \"subchans\": "
    "[\"\xE2\x82\xAC\"], \"pubchans\": []}, \"f\": {\"secret\": \"t\", \"owner\": \"o\", "
    "\"pubchans\": [], \"subchans\": []}}",
    R"({"b": {"note": {"owner": 1, "d": [[{"secret": null}], true, -1.5e+3, "x]}"]}, "secret": "s",)"
    R"( "n": null, "pubchans": [], "owner": "o", "subchans": ["c"], "t": ["o", {"p": 7}], "m": 0,)"
    R"( "q": "\"", "e": "", "f": false, "g": []}})",
};

TEST(JsonScan, TakesWhatIsSound) {
    for (const std::string& sample : samples)
        EXPECT_TRUE(takes(sample)) << sample;
}

TEST(JsonScan, SaysWhereTheEntriesAre) {
    std::vector<WrittenKey> keys;
    const std::string text =
        R"({ "a\u0062" : {"owner": "o", "secret": "\u0073", "pubchans": ["p"],)"
        R"( "subchans": []} , "c":{"subchans":["x","\u0079"],"pubchans":[],)"
        R"("secret":"t","owner":""} })";
    ASSERT_TRUE(scan_json_keys(text, keys));
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys[0].ident, "a\\u0062");
    EXPECT_EQ(meaning_of_json(keys[0].ident), "ab");
    EXPECT_EQ(account_of("ab", keys[0].entry),
              (core::Account{"ab", "s", "o", core::ChannelList({"p"}), core::ChannelList()}));
    EXPECT_EQ(account_of("c", keys[1].entry),
              (core::Account{"c", "t", "", core::ChannelList(), core::ChannelList({"x", "y"})}));
}

TEST(JsonScan, AgreesWithTheStrictReaderOnEveryText) {
    const std::string others("\"\\{}[]:, \n\x01\x7F\xFF\xC3u09e-.+tn\0", 24);
    for (const std::string& sample : samples) {
        compare(sample);
        for (std::size_t at = 0; at <= sample.size(); ++at) {
            compare(sample.substr(0, at));
            if (at < sample.size()) compare(std::string(sample).erase(at, 1));
            for (const char other : others) {
                compare(std::string(sample).insert(at, 1, other));
                if (at < sample.size()) compare(std::string(sample).replace(at, 1, 1, other));
            }
        }
    }
}

TEST(JsonScan, AgreesOnWhatIsTooLongTooDeepOrSaidTwice) {
    const auto with = [](std::string_view field, const std::string& value) {
        std::string text(bob);
        return text.replace(text.find(field), field.size(), value);
    };
    for (const std::size_t bytes : {255U, 256U, 4096U, 4097U, 65'536U, 65'537U}) {
        const std::string name = '"' + std::string(bytes, 'n') + '"';
        for (const std::string_view field : {"\"bob\"", "\"o\"", "\"s\"", "\"a\"", "\"owner\""})
            compare(with(field, name));
        // Its meaning has half as many bytes.
        std::string escaped;
        for (std::size_t i = 0; i < bytes; i += 2)
            escaped += "\\n";
        compare(with("bob", escaped));
    }
    for (const std::size_t depth : {61U, 62U, 63U, 64U, 1'000U})
        compare(with("\"secret\"", "\"x\": " + std::string(depth, '[') + std::string(depth, ']') +
                                       ", \"secret\""));
    compare(with("\"secret\"", "\"x\": 1e999, \"secret\""));
    compare(with("\"secret\"", "\"owner\": \"p\", \"secret\""));
    compare(with("\"secret\"", "\"x\": 1, \"x\": 2, \"secret\""));
    const std::string entry(bob.substr(1, bob.size() - 2));
    compare('{' + entry + ", " + entry + '}');
    compare('{' + entry + ", " + std::string(entry).replace(1, 1, "\\u0062") + '}');
}

}  // namespace
}  // namespace hpfeeds::auth
