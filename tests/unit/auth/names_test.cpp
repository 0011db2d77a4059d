// SPDX-License-Identifier: Apache-2.0
#include "auth/names.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::auth {
namespace {

TEST(Names, KnowUtf8) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("sensor-1"));
    EXPECT_TRUE(is_utf8("f\xC3\xBChler"));
    EXPECT_TRUE(is_utf8("\xF0\x9F\x90\x9D"));
    EXPECT_FALSE(is_utf8("f\xFChler"));     // latin-1
    EXPECT_FALSE(is_utf8("\xC3"));          // cut off
    EXPECT_FALSE(is_utf8("\xC0\xAF"));      // overlong
    EXPECT_FALSE(is_utf8("\xED\xA0\x80"));  // a surrogate
    EXPECT_FALSE(is_utf8("good\xFF"));
}

TEST(Names, AreShownAsTheyAreWhenHarmless) {
    EXPECT_EQ(printable("f\xC3\xBChler 1"), "f\xC3\xBChler 1");
}

TEST(Names, CannotDriveATerminal) {
    EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
    EXPECT_EQ(printable("a\nb\tc"), "a\\x0ab\\x09c");
    EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
    EXPECT_EQ(printable("\x7F"), "\\x7f");
    EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");           // CSI as one character
    EXPECT_EQ(printable("\xE2\x80\xAE"), "\\xe2\\x80\\xae");  // right to left from here on
    EXPECT_EQ(printable("\xE2\x81\xA6"), "\\xe2\\x81\\xa6");
    EXPECT_EQ(printable("\xFF\xFE"), "\\xff\\xfe");
}

TEST(Names, InQuotesCannotEndTheQuotes) {
    EXPECT_EQ(in_quotes("plain"), "\"plain\"");
    EXPECT_EQ(in_quotes("a\"b\\c"), "\"a\\\"b\\\\c\"");
}

}  // namespace
}  // namespace hpfeeds::auth
