// SPDX-License-Identifier: Apache-2.0
#include "config/refuse.hpp"

#include "hpfeeds/error.hpp"

#include <gtest/gtest.h>

namespace hpfeeds::config {
namespace {

TEST(Refuse, NamesFlagValueAndRemedy) {
    try {
        refuse("--bind", "x", "no port; write HOST:PORT");
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "--bind 'x': no port; write HOST:PORT");
    }
}

TEST(Refuse, KeepsTheLineOneLine) {
    EXPECT_EQ(in_quotes("a\nb\x1b\x7f"), R"('a\x0ab\x1b\x7f')");
}

TEST(Refuse, ShortensALongValue) {
    EXPECT_EQ(in_quotes(std::string(200, 'a')), "'" + std::string(200, 'a') + "'");
    EXPECT_EQ(in_quotes(std::string(201, 'a')), "'" + std::string(200, 'a') + "...'");
}

}  // namespace
}  // namespace hpfeeds::config
