// SPDX-License-Identifier: Apache-2.0
#include "log/line.hpp"

#include "log/limits.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace hpfeeds::log {
namespace {

using namespace std::string_literals;

// 2026-11-24T03:10:33.123Z
const Moment moment{std::chrono::milliseconds{1'795'489'833'123}};

std::string text(std::string value) {
    const std::string prefix = "2026-11-24T03:10:33.123Z info tested value=";
    const Field field{"value", std::move(value)};
    const std::string line = format_text(moment, Level::info, "tested", std::span(&field, 1));
    EXPECT_EQ(line.substr(0, prefix.size()), prefix);
    return line.substr(prefix.size());
}

std::string json_line(std::string value) {
    const Field field{"value", std::move(value)};
    return format_json(moment, Level::info, "tested", std::span(&field, 1));
}

std::string json(std::string value) {
    return nlohmann::json::parse(json_line(std::move(value))).at("value").get<std::string>();
}

TEST(TextLine, SaysWhenHowBadWhatAndTheFacts) {
    const Field fields[] = {
        {"peer", "10.0.0.1:4242"}, {"ident", "cowrie"}, {"reason", "no such ident"}, {"count", 7u}};
    EXPECT_EQ(format_text(moment, Level::warning, "authentication refused", fields),
              "2026-11-24T03:10:33.123Z warning authentication refused peer=10.0.0.1:4242 "
              "ident=cowrie reason=\"no such ident\" count=7");
}

TEST(TextLine, KeepsMillisecondsThreeDigitsWide) {
    const Moment early{std::chrono::milliseconds{5}};
    EXPECT_EQ(format_text(early, Level::debug, "tick", {}), "1970-01-01T00:00:00.005Z debug tick");
}

TEST(TextLine, QuotesOnlyWhatNeedsIt) {
    EXPECT_EQ(text("plain-word_1.2:3/4"), "plain-word_1.2:3/4");
    EXPECT_EQ(text(""), R"("")");
    EXPECT_EQ(text("two words"), R"("two words")");
    EXPECT_EQ(text("a=b"), R"("a=b")");
    EXPECT_EQ(text(R"(say "hi")"), R"("say \"hi\"")");
    EXPECT_EQ(text(R"(back\slash)"), R"("back\\slash")");
}

TEST(TextLine, KeepsValidUtf8AsItIs) {
    EXPECT_EQ(text("größe"), "größe");
    EXPECT_EQ(text("蜜罐😀"), "蜜罐😀");
}

TEST(TextLine, EscapesControlBytesSoThatALineStaysALine) {
    EXPECT_EQ(text("a\nb"), R"("a\x0ab")");
    EXPECT_EQ(text("\x1b[31m\x7f"), R"("\x1b[31m\x7f")");
    EXPECT_EQ(text("a\0b"s), R"("a\x00b")");
    EXPECT_EQ(text("\xC2\x9B"), R"("\xc2\x9b")") << "CSI in one character";
    EXPECT_EQ(text("\xE2\x80\xA8"), R"("\xe2\x80\xa8")") << "a line separator";
    EXPECT_EQ(text("\xE2\x80\xAE"), R"("\xe2\x80\xae")") << "right-to-left override";
}

TEST(TextLine, EscapesBytesThatAreNotUtf8) {
    EXPECT_EQ(text("caf\xE9"), R"("caf\xe9")");
    EXPECT_EQ(text("\xFF\xFE"), R"("\xff\xfe")");
    EXPECT_EQ(text("torn\xE2\x80"), R"("torn\xe2\x80")");
}

TEST(TextLine, TellsAnEscapedByteFromTheSameCharacters) {
    EXPECT_NE(text("\xFF"), text(R"(\xff)"));
}

TEST(TextLine, EscapesTheEventToo) {
    EXPECT_EQ(format_text(moment, Level::error, "two\nlines", {}),
              R"(2026-11-24T03:10:33.123Z error two\x0alines)");
}

TEST(TextLine, CutsALongValueAndTellsItsLength) {
    EXPECT_EQ(text(std::string(value_bytes_max, 'a')), std::string(value_bytes_max, 'a'));
    EXPECT_EQ(text(std::string(1'048'576, 'a')),
              '"' + std::string(value_bytes_max, 'a') + "…(1048576 bytes)\"");
}

TEST(TextLine, CutsWhereACharacterBegins) {
    for (const std::string character : {"é", "€", "😀"}) {
        for (std::size_t inside = 1; inside < character.size(); ++inside) {
            const std::string kept(value_bytes_max - inside, 'a');
            const std::string value = kept + character + "tail";
            EXPECT_EQ(text(value), '"' + kept + "…(" + std::to_string(value.size()) + " bytes)\"");
        }
    }
}

TEST(JsonLine, IsOneObjectWithTheFactsAsStrings) {
    const Field fields[] = {{"peer", "[::1]:4242"}, {"count", std::uint64_t{7}}};
    const auto object =
        nlohmann::json::parse(format_json(moment, Level::warning, "refused", fields));
    EXPECT_EQ(object, (nlohmann::json{{"time", "2026-11-24T03:10:33.123Z"},
                                      {"level", "warning"},
                                      {"event", "refused"},
                                      {"peer", "[::1]:4242"},
                                      {"count", "7"}}));
}

TEST(JsonLine, GivesBackEveryValidValueUnchanged) {
    for (const std::string& value : {""s, "two words"s, R"(say "hi")"s, "größe 😀"s, "a\nb\tc\0d"s,
                                     "\x7F\xC2\x9B\xE2\x80\xA8\xE2\x80\xAE"s, R"(a\b\\)"s})
        EXPECT_EQ(json(value), value);
}

TEST(JsonLine, WritesInvalidBytesAsVisibleEscapes) {
    EXPECT_EQ(json("caf\xE9"), R"(caf\xe9)");
    EXPECT_EQ(json("\xED\xA0\x80"), R"(\xed\xa0\x80)");
}

TEST(JsonLine, TellsAnEscapedByteFromTheSameCharacters) {
    EXPECT_EQ(json(R"(\xff)"), R"(\x5cxff)");
    EXPECT_EQ(json("\\\xFF"), R"(\\xff)");
    EXPECT_EQ(json(R"(\\xff)"), R"(\\x5cxff)");
}

TEST(JsonLine, CutsALongValueAndTellsItsLength) {
    EXPECT_EQ(json(std::string(600, 'a')), std::string(value_bytes_max, 'a') + "…(600 bytes)");
}

TEST(Line, IsOneValidLineForAnyBytes) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 2'000; ++round) {
        std::string value(random() % 700, '\0');
        for (char& byte : value)
            byte = static_cast<char>(random());
        const std::string line = json_line(value);
        ASSERT_TRUE(nlohmann::json::accept(line)) << line;
        ASSERT_EQ(line.find_first_of("\r\n"), std::string::npos);
        const std::string quoted = text(value);
        ASSERT_EQ(quoted.find_first_of("\r\n\x1b"s + '\0'), std::string::npos);
    }
}

}  // namespace
}  // namespace hpfeeds::log
