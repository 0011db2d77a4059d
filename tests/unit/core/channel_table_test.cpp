// SPDX-License-Identifier: Apache-2.0
#include "core/channel_table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::core {
namespace {

TEST(ChannelTable, AddsAChannelOnce) {
    ChannelTable table;
    Channel& first = table.find_or_add("a");
    EXPECT_EQ(&table.find_or_add("a"), &first);
    EXPECT_EQ(table.find("a"), &first);
    EXPECT_EQ(table.count(), 1U);
}

TEST(ChannelTable, KeepsAChannelWhileAnybodyNeedsIt) {
    ChannelTable table;
    Channel& channel = table.find_or_add("a");
    channel.uses = 1;
    table.drop_if_unused(channel);
    EXPECT_NE(table.find("a"), nullptr);
    channel.uses = 0;
    channel.listening_shards = 2;
    table.drop_if_unused(channel);
    EXPECT_NE(table.find("a"), nullptr);
    channel.listening_shards = 0;
    table.drop_if_unused(channel);
    EXPECT_EQ(table.find("a"), nullptr);
}

// ---- with wildcards

std::vector<std::string> names_of(std::span<Channel* const> patterns) {
    std::vector<std::string> names;
    for (const Channel* pattern : patterns)
        names.push_back(pattern->name);
    return names;
}

class PatternsTest : public ::testing::Test {
protected:
    Channel& listen(std::string_view name) {
        Channel& channel = table.find_or_add_listened(name);
        ++channel.uses;
        return channel;
    }
    void leave(Channel& channel) {
        --channel.uses;
        table.drop_if_unused(channel);
    }
    static constexpr std::uint64_t own = 4;
    ChannelTable table{own};
};

TEST_F(PatternsTest, AreFoundBroadestFirst) {
    listen("a.b.*");
    listen("*");
    listen("a.*");
    listen("b.*");
    EXPECT_EQ(names_of(table.patterns_over("a.b.c")),
              (std::vector<std::string>{"*", "a.*", "a.b.*"}));
    EXPECT_EQ(names_of(table.patterns_over("a.c")), (std::vector<std::string>{"*", "a.*"}));
    EXPECT_EQ(names_of(table.patterns_over("a")), (std::vector<std::string>{"*"}));
}

TEST_F(PatternsTest, ThatComeAndGoAreNoticedByTheChannelsUnderThem) {
    Channel& channel = table.find_or_add("a.b");
    EXPECT_TRUE(table.patterns_over(channel).empty());
    Channel& pattern = listen("a.*");
    EXPECT_EQ(names_of(table.patterns_over(channel)), (std::vector<std::string>{"a.*"}));
    leave(pattern);
    EXPECT_TRUE(table.patterns_over(channel).empty());
    EXPECT_EQ(table.pattern_count(), 0U);
}

TEST_F(PatternsTest, AreNoChannels) {
    listen("a.*");
    EXPECT_EQ(table.find("a.*"), nullptr);
    EXPECT_NE(table.find_listened("a.*"), nullptr);
    Channel& published = table.find_or_add("a.*");
    EXPECT_FALSE(published.pattern) << "who publishes to this name names a channel";
    EXPECT_EQ(names_of(table.patterns_over(published)), (std::vector<std::string>{"a.*"}));
}

TEST_F(PatternsTest, OwnBitIsNobodyElse) {
    Channel& channel = table.find_or_add("a");
    EXPECT_EQ(channel.listening_shards, own);
    EXPECT_EQ(table.other_shards(channel), 0U);
    channel.listening_shards |= 1;
    EXPECT_EQ(table.other_shards(channel), 1U);
    channel.listening_shards &= ~std::uint64_t{1};
    table.drop_if_unused(channel);
    EXPECT_EQ(table.count(), 0U);
}

TEST(ChannelTable, WithoutWildcardsAPatternIsAChannel) {
    ChannelTable table;
    Channel& channel = table.find_or_add_listened("a.*");
    EXPECT_EQ(table.find("a.*"), &channel);
    EXPECT_TRUE(table.patterns_over("a.b").empty());
    EXPECT_EQ(table.pattern_count(), 0U);
    EXPECT_EQ(channel.listening_shards, 0U);
}

}  // namespace
}  // namespace hpfeeds::core
