// SPDX-License-Identifier: Apache-2.0
#include "auth/json_keys.hpp"

#include "auth/limits.hpp"
#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string entry(const std::string& ident, const std::string& secret) {
    return '"' + ident + R"(": {"owner": "o", "secret": ")" + secret +
           R"(", "pubchans": ["p"], "subchans": []})";
}

std::string file_of(const std::string& entries) {
    return '{' + entries + '}';
}

TEST(JsonKeys, FindWhatIsInTheText) {
    const JsonKeys keys(file_of(entry("bob", "s") + ", " + entry("f\\u00fc", "t\\\"")));
    EXPECT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys.find("bob")->secret, "s");
    EXPECT_EQ(keys.find("bob")->ident, "bob");
    EXPECT_THAT(keys.find("bob")->pubchans.names(), ElementsAre("p"));
    EXPECT_EQ(keys.find("f\xC3\xBC")->secret, "t\"");
    for (const std::string ident : {"", "bo", "bobb", "f\\u00fc", "p"})
        EXPECT_EQ(keys.find(ident), nullptr) << ident;
}

TEST(JsonKeys, GiveEverybodyTheSameObject) {
    const JsonKeys keys(file_of(entry("bob", "s")));
    EXPECT_EQ(keys.find("bob"), keys.find("bob"));
}

TEST(JsonKeys, MayBeNobody) {
    EXPECT_EQ(JsonKeys().find("bob"), nullptr);
    EXPECT_EQ(JsonKeys("{}").find("bob"), nullptr);
    EXPECT_EQ(JsonKeys("{}").size(), 0U);
}

TEST(JsonKeys, RefuseWithTheStrictReadersWords) {
    EXPECT_EQ(tests::message_of<Error>([] { JsonKeys("{\"bob\": {}}"); }),
              "entry \"bob\": field \"owner\" is missing");
    EXPECT_EQ(tests::message_of<Error>(
                  [] { JsonKeys(file_of(entry("bob", "s") + ',' + entry("\\u0062ob", "t"))); }),
              "entry \"bob\" appears twice; which one is meant?");
}

// The strict reader ends at a NUL byte, the quick one leaves such a text to it.
TEST(JsonKeys, TakeWhatOnlyTheStrictReaderTakes) {
    const std::string text = file_of(entry("bob", "s")) + std::string(1, '\0');
    const JsonKeys keys(text);
    ASSERT_EQ(keys.size(), 1U);
    EXPECT_EQ(keys.find("bob")->secret, "s");
    JsonKeys next(text);
    EXPECT_THAT(next.follow(keys).idents, IsEmpty());
    EXPECT_EQ(next.find("bob"), keys.find("bob"));
    // Idents lie in accounts here: each time in those that are kept.
    JsonKeys last(text);
    EXPECT_THAT(last.follow(next).idents, IsEmpty());
    EXPECT_EQ(last.find("bob"), keys.find("bob"));
}

TEST(JsonKeys, KnowManyOfThem) {
    std::string entries;
    for (int i = 0; i < 3'000; ++i)
        entries += (i == 0 ? "" : ", ") + entry("user" + std::to_string(i), std::to_string(i));
    const JsonKeys keys(file_of(entries));
    ASSERT_EQ(keys.size(), 3'000U);
    for (int i = 0; i < 3'000; ++i)
        ASSERT_EQ(keys.find("user" + std::to_string(i))->secret, std::to_string(i));
    EXPECT_EQ(keys.find("user3000"), nullptr);
}

TEST(JsonKeys, FollowOthersAndSayWhatDiffers) {
    const JsonKeys before(file_of(entry("amy", "a") + ',' + entry("bob", "b") + ',' +
                                  entry("eve", "e") + ',' + entry("zoe", "z")));
    const AccountRef amy = before.find("amy");
    const AccountRef bob = before.find("bob");
    const AccountRef zoe = before.find("zoe");
    // zoe is spelled in another way, which is no change.
    JsonKeys after(file_of(entry("new", "n") + ',' + entry("zoe", "\\u007a") + ',' +
                           entry("bob", "B") + ',' + entry("amy", "a")));
    const KeyChanges changes = after.follow(before);
    EXPECT_FALSE(changes.any);
    EXPECT_THAT(changes.idents, UnorderedElementsAre("new", "bob", "eve"));
    EXPECT_EQ(after.find("amy"), amy);
    EXPECT_EQ(after.find("zoe"), zoe);
    EXPECT_NE(after.find("bob"), bob);
    EXPECT_EQ(after.find("bob")->secret, "B");
    EXPECT_EQ(after.find("eve"), nullptr);
}

TEST(JsonKeys, SayThatAnyMayDifferWhenTooManyDo) {
    std::string entries;
    for (std::size_t i = 0; i <= told_idents_max; ++i)
        entries += (i == 0 ? "" : ", ") + entry("user" + std::to_string(i), "s");
    JsonKeys many(file_of(entries));
    const KeyChanges came = many.follow(JsonKeys());
    EXPECT_TRUE(came.any);
    EXPECT_THAT(came.idents, IsEmpty());
    JsonKeys nobody("{}");
    EXPECT_TRUE(nobody.follow(many).any);
}

}  // namespace
}  // namespace hpfeeds::auth
