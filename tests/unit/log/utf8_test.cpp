// SPDX-License-Identifier: Apache-2.0
#include "log/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::log {
namespace {

TEST(Utf8, KnowsTheFirstAndLastCharacterOfEveryLength) {
    const struct {
        std::string_view text;
        std::size_t bytes;
        std::uint32_t point;
    } cases[] = {
        {std::string_view("\0", 1), 1, 0x00},
        {"\x7F", 1, 0x7F},
        {"\xC2\x80", 2, 0x80},
        {"\xDF\xBF", 2, 0x7FF},
        {"\xE0\xA0\x80", 3, 0x800},
        {"\xED\x9F\xBF", 3, 0xD7FF},
        {"\xEE\x80\x80", 3, 0xE000},
        {"\xEF\xBF\xBF", 3, 0xFFFF},
        {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
    };
    for (const auto& expected : cases) {
        const std::string followed = std::string(expected.text) + "more";
        const Character character = first_character(followed);
        EXPECT_EQ(character.bytes, expected.bytes);
        EXPECT_EQ(character.point, expected.point);
    }
}

TEST(Utf8, RefusesWhatIsNotACharacter) {
    const std::string_view cases[] = {
        "\x80",              // a continuation without its lead
        "\xBF",              //
        "\xFF",              // never occurs
        "\xF8\x88\x80\x80",  // a lead of five
        "\xC2",              // torn
        "\xE2\x80",          //
        "\xF0\x9F\x98",      //
        "\xC2\x41",          // the continuation is a letter
        "\xC0\xAF",          // overlong
        "\xE0\x80\xAF",      //
        "\xF0\x80\x80\xAF",  //
        "\xED\xA0\x80",      // a surrogate
        "\xED\xBF\xBF",      //
        "\xF4\x90\x80\x80",  // above the last point
    };
    for (const std::string_view text : cases)
        EXPECT_EQ(first_character(text).bytes, 0u) << testing::PrintToString(std::string(text));
}

}  // namespace
}  // namespace hpfeeds::log
