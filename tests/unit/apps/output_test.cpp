// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include "wire/frame.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::string_literals;

Time at(long long milliseconds) {
    return Time(std::chrono::milliseconds(milliseconds));
}

std::string formatted(Format format, std::string_view ident, std::string_view channel,
                      std::string_view payload) {
    return format_message(format, {ident, channel, wire::as_bytes(payload)}, at(1'700'000'000'042));
}

TEST(OneLine, LeavesTextAsItIs) {
    EXPECT_EQ(one_line("plain \"text\" with \\ and ünïcödé 日本 😀"),
              "plain \"text\" with \\ and ünïcödé 日本 😀");
    EXPECT_EQ(one_line(""), "");
}

TEST(OneLine, EscapesWhatDrivesATerminal) {
    EXPECT_EQ(one_line("a\x1b[2Jb\x07\x7f"), "a\\x1b[2Jb\\x07\\x7f");
    EXPECT_EQ(one_line("line\nbreak\r\ttab\0nul"s), "line\\nbreak\\r\\ttab\\x00nul");
    EXPECT_EQ(one_line("\xc2\x9b"), "\\u{9b}") << "CSI as one character";
    EXPECT_EQ(one_line("\u202egnp.exe\u2066\u200f\u2028"),
              "\\u{202e}gnp.exe\\u{2066}\\u{200f}\\u{2028}");
}

TEST(OneLine, EscapesEveryByteThatIsNotUtf8) {
    EXPECT_EQ(one_line("caf\xe9"), "caf\\xe9") << "latin-1";
    EXPECT_EQ(one_line("\xc0\xaf"), "\\xc0\\xaf") << "overlong, two bytes";
    EXPECT_EQ(one_line("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong, three bytes";
    EXPECT_EQ(one_line("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf") << "overlong, four bytes";
    EXPECT_EQ(one_line("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
    EXPECT_EQ(one_line("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "past U+10FFFF";
    EXPECT_EQ(one_line("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
    EXPECT_EQ(one_line("\x80"), "\\x80") << "a tail without a head";
    EXPECT_EQ(one_line("\xe6\x97"), "\\xe6\\x97") << "cut short";
}

TEST(PayloadText, ShowsTextOnOneLine) {
    EXPECT_EQ(payload_text(wire::as_bytes("{\"event\": \"ping\"}")), "{\"event\": \"ping\"}");
    EXPECT_EQ(payload_text(wire::as_bytes("two\nlines\n")), "two\\nlines\\n");
    EXPECT_EQ(payload_text({}), "");
}

TEST(PayloadText, ShowsTwentyBytesOfTheRestInHexadecimal) {
    std::string binary;
    for (int byte = 0; byte < 256; ++byte)
        binary += static_cast<char>(byte);
    EXPECT_EQ(payload_text(wire::as_bytes(binary)), "000102030405060708090a0b0c0d0e0f10111213...");
    EXPECT_EQ(payload_text(wire::as_bytes("MZ\x90\xff")), "4d5a90ff...");
    EXPECT_EQ(payload_text(wire::as_bytes("\x1b[31mred")), "1b5b33316d726564...");
    EXPECT_EQ(payload_text(wire::as_bytes(std::string(1000, 'x') + '\0')),
              "7878787878787878787878787878787878787878...");
}

TEST(FormatMessage, WritesTheLineOfTheProtocolDocument) {
    EXPECT_EQ(formatted(Format::text, "me", "chan", "hello"),
              "[feedcli] publish to chan by me: hello\n");
    EXPECT_EQ(formatted(Format::text, "m\ne", "ch\x1b", "\xff"),
              "[feedcli] publish to ch\\x1b by m\\ne: ff...\n");
}

TEST(FormatMessage, WritesJsonLinesThatParseBack) {
    const std::string line = formatted(Format::json, "me", "chan", "{\"a\": \"é\n\"}");
    EXPECT_EQ(line.back(), '\n');
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto parsed = nlohmann::json::parse(line);
    EXPECT_EQ(parsed["time"], "2023-11-14T22:13:20.042Z");
    EXPECT_EQ(parsed["channel"], "chan");
    EXPECT_EQ(parsed["ident"], "me");
    EXPECT_EQ(parsed["payload"], "{\"a\": \"é\n\"}");
}

TEST(FormatMessage, WritesJsonInBase64WhatIsNotUtf8) {
    const auto parsed =
        nlohmann::json::parse(formatted(Format::json, "caf\xe9", "\xff", "\0\1\2\xff"s));
    EXPECT_EQ(parsed["ident_base64"], "Y2Fm6Q==");
    EXPECT_EQ(parsed["channel_base64"], "/w==");
    EXPECT_EQ(parsed["payload_base64"], "AAEC/w==");
    EXPECT_FALSE(parsed.contains("payload"));
}

TEST(FormatMessage, WritesJsonInAsciiAlone) {
    const std::string line = formatted(Format::json, "me", "c", "\xc2\x9b\x7f\x1b é");
    for (const char byte : line)
        EXPECT_TRUE(byte == '\n' || (byte >= 0x20 && byte < 0x7f)) << line;
}

TEST(FormatMessage, WritesRawBytesAndNothingElse) {
    EXPECT_EQ(formatted(Format::raw, "me", "c", "\0\xff\n"s), "\0\xff\n"s);
}

}  // namespace
}  // namespace hpfeeds::cli
