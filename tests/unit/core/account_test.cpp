// SPDX-License-Identifier: Apache-2.0
#include "core/account.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

TEST(ChannelList, ContainsWhatItWasGiven) {
    const ChannelList list({"b", "a", "b", std::string("nul\0byte", 8), "\xff\xfe"});
    EXPECT_TRUE(list.contains("a"));
    EXPECT_TRUE(list.contains("b"));
    EXPECT_TRUE(list.contains(std::string_view("nul\0byte", 8)));
    EXPECT_TRUE(list.contains("\xff\xfe"));
    EXPECT_FALSE(list.contains("nul"));
    EXPECT_FALSE(list.contains("A"));
    EXPECT_FALSE(list.contains(""));
    EXPECT_EQ(list.names().size(), 4U);
}

TEST(ChannelList, EmptyContainsNothing) {
    EXPECT_FALSE(ChannelList().contains(""));
    EXPECT_TRUE(ChannelList({""}).contains(""));
}

TEST(ChannelList, CoversWhatItsPatternsStandFor) {
    const ChannelList list({"cowrie.*", "plain", "deep.er.*"});
    EXPECT_TRUE(list.covers("plain"));
    EXPECT_TRUE(list.covers("cowrie.sessions"));
    EXPECT_TRUE(list.covers("cowrie.a.b"));
    EXPECT_TRUE(list.covers("cowrie.")) << "it begins with `cowrie.`";
    EXPECT_TRUE(list.covers("deep.er.x"));
    EXPECT_FALSE(list.covers("cowrie"));
    EXPECT_FALSE(list.covers("cowries.x"));
    EXPECT_FALSE(list.covers("deep.x"));
    EXPECT_FALSE(list.covers("Cowrie.x"));
    EXPECT_FALSE(list.covers(""));
}

TEST(ChannelList, CoversPatternsThatAreNoBroaderThanItsOwn) {
    const ChannelList list({"a.b.*"});
    EXPECT_TRUE(list.covers("a.b.*"));
    EXPECT_TRUE(list.covers("a.b.c.*"));
    EXPECT_FALSE(list.covers("a.*"));
    EXPECT_FALSE(list.covers("*"));
}

TEST(ChannelList, AStarAloneCoversEverything) {
    const ChannelList list({"*"});
    for (const std::string& name :
         {std::string(), std::string("*"), std::string("a"), std::string("a.*"),
          std::string("\0.\xff", 3), std::string(255, '.'), std::string(300, 'x')})
        EXPECT_TRUE(list.covers(name)) << name;
}

TEST(ChannelList, AStarElsewhereIsAByte) {
    const ChannelList list({"a*", "*.b", "c.*.d", "e**"});
    EXPECT_TRUE(list.covers("a*"));
    EXPECT_TRUE(list.covers("*.b"));
    EXPECT_TRUE(list.covers("c.*.d"));
    EXPECT_FALSE(list.covers("ab"));
    EXPECT_FALSE(list.covers("x.b"));
    EXPECT_FALSE(list.covers("c.x.d"));
    EXPECT_FALSE(list.covers("ee"));
}

TEST(ChannelList, CoversTheLongestNames) {
    const std::string longest = std::string(253, 'x') + ".y";
    EXPECT_TRUE(ChannelList({std::string(253, 'x') + ".*"}).covers(longest));
    EXPECT_TRUE(ChannelList({".*"}).covers(std::string(255, '.')));
    EXPECT_FALSE(ChannelList({".*"}).covers(std::string(256, '.'))) << "no channel is that long";
}

TEST(Account, IsEqualWhenEveryFieldIs) {
    Account one{"i", "s", "o", ChannelList({"a", "b"}), ChannelList({"c"})};
    Account other{"i", "s", "o", ChannelList({"b", "a"}), ChannelList({"c"})};
    EXPECT_EQ(one, other);
    other.owner = "p";
    EXPECT_NE(one, other);
    other = one;
    other.secret = "t";
    EXPECT_NE(one, other);
    other = one;
    other.subchans = ChannelList({"c", "d"});
    EXPECT_NE(one, other);
}

}  // namespace
}  // namespace hpfeeds::core
