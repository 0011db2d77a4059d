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

}  // namespace
}  // namespace hpfeeds::core
