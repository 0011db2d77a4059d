// SPDX-License-Identifier: Apache-2.0
#include "core/channel_table.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hpfeeds::core
