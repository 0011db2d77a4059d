// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/error.hpp"
#include "top_exporter.hpp"
#include "top_rates.hpp"
#include "top_screen.hpp"
#include "top_snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>

namespace hpfeeds::cli::top_view {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Snapshot at(double seconds, std::uint64_t messages) {
    Snapshot made;
    made.overview.name = "broker";
    made.overview.seconds = seconds;
    made.overview.messages = messages;
    made.overview.refusals = {{"wrong-secret", messages / 10}};
    made.idents.push_back({.name = "a", .messages = messages, .received_bytes = messages * 100});
    made.channels.push_back({.name = "c", .messages = messages, .bytes = messages * 50});
    return made;
}

std::string all_of(const std::vector<std::string>& lines) {
    return std::accumulate(
        lines.begin(), lines.end(), std::string(),
        [](std::string all, const std::string& line) { return std::move(all) + line + "\n"; });
}

TEST(TopRates, AreWhatHappenedBetweenTwoLooks) {
    const Snapshot before = at(10, 100);
    const View view = view_of(&before, at(12, 300));
    EXPECT_DOUBLE_EQ(view.messages, 100);
    EXPECT_DOUBLE_EQ(view.refused, 10);
    EXPECT_DOUBLE_EQ(view.idents[0].received, 10'000);
    EXPECT_DOUBLE_EQ(view.channels[0].bytes, 5'000);
    EXPECT_FALSE(view.restarted);
}

TEST(TopRates, AreUnknownAtTheFirstLookAndForNewRows) {
    EXPECT_EQ(view_of(nullptr, at(10, 100)).messages, unknown_rate);
    const Snapshot before = at(10, 100);
    Snapshot now = at(12, 300);
    now.idents[0].name = "new";
    EXPECT_EQ(view_of(&before, now).idents[0].messages, unknown_rate);
    EXPECT_EQ(view_of(&before, at(10, 100)).messages, unknown_rate) << "no time has passed";
}

TEST(TopRates, ARestartIsNoHugeRate) {
    const Snapshot before = at(100, 1'000'000);
    const View view = view_of(&before, at(1, 5));
    EXPECT_TRUE(view.restarted);
    EXPECT_EQ(view.messages, unknown_rate);
    EXPECT_EQ(view.idents[0].messages, unknown_rate);
    Snapshot less = at(101, 10);  // a counter that went down without one
    EXPECT_EQ(view_of(&before, less).messages, unknown_rate);
}

TEST(TopRates, NextToNoTimeIsNoTime) {
    const Snapshot before = at(0, 0);
    const View view = view_of(&before, at(5e-300, 1'000'000));
    EXPECT_EQ(view.messages, unknown_rate);
    EXPECT_EQ(view.channels[0].bytes, unknown_rate);
}

TEST(TopRates, RowsComeInTheOrderAskedFor) {
    Snapshot now = at(1, 1);
    now.idents = {{.name = "b", .connections = 1, .queued_bytes = 9},
                  {.name = "a", .connections = 5},
                  {.name = "c", .connections = 1, .refused = 2}};
    View view = view_of(nullptr, now);
    const auto first = [&](Order order) {
        sort_rows(view, order);
        return view.idents.front().now.name;
    };
    EXPECT_EQ(first(Order::name), "a");
    EXPECT_EQ(first(Order::queued), "b");
    EXPECT_EQ(first(Order::refusals), "c");
    EXPECT_EQ(first(Order::connections), "a");
    EXPECT_EQ(first(Order::traffic), "a") << "equal ones by name";
}

TEST(TopRates, JsonSaysNullForWhatIsNotKnown) {
    const auto json = nlohmann::json::parse(json_of(view_of(nullptr, at(10, 100))));
    EXPECT_TRUE(json["messages_per_second"].is_null());
    EXPECT_EQ(json["idents"][0]["ident"], "a");
}

TEST(TopScreen, NeverExceedsTheTerminal) {
    Snapshot now = at(10, 100);
    for (int i = 0; i < 100; ++i) {
        now.idents.push_back({.name = "ident-with-a-long-name-" + std::to_string(i)});
        now.channels.push_back({.name = "channel-" + std::to_string(i)});
        now.connections.push_back({.address = "192.0.2.1:1", .ident = "x", .queued_bytes = i});
    }
    const View view = view_of(nullptr, now);
    for (const std::size_t width : {20U, 40U, 80U, 200U})
        for (const std::size_t height : {1U, 3U, 10U, 24U, 500U}) {
            const auto lines = lines_of(view, {.exporter = "h:1"}, {width, height});
            EXPECT_LE(lines.size(), height);
            for (const std::string& line : lines)
                EXPECT_LE(std::count_if(line.begin(), line.end(),
                                        [](char byte) { return (byte & 0xC0) != 0x80; }),
                          static_cast<std::ptrdiff_t>(width))
                    << line;
        }
}

TEST(TopScreen, ShowsEveryPart) {
    Snapshot now = at(3'700, 100);
    now.connections = {
        {.address = "192.0.2.1:7", .ident = "reader", .queued_bytes = 2'000'000, .slow = true}};
    const std::string all =
        all_of(lines_of(view_of(nullptr, now), {.exporter = "h:1", .keys = true}, {120, 40}));
    for (const char* part : {"'broker'", "up 1h01m", "q quit", "IDENT", "CHANNEL", "QUEUED FOR",
                             "reader", "192.0.2.1:7", "2M", "slow", "wrong-secret 10"})
        EXPECT_THAT(all, HasSubstr(part));
}

TEST(TopScreen, HostileNamesAreHarmless) {
    Snapshot now = at(10, 100);
    const std::string evil = "\x1b[2J\x1b]0;owned\a\r\n\xff";
    now.overview.name = evil;
    now.overview.refusals = {{evil, 1}};
    now.idents.push_back({.name = evil});
    now.channels.push_back({.name = evil});
    now.connections.push_back({.address = evil, .ident = evil, .queued_bytes = 1});
    const auto lines =
        lines_of(view_of(nullptr, now), {.exporter = "h:1", .trouble = evil}, {100, 40});
    for (const std::string& line : lines)
        for (const char byte : line)
            EXPECT_TRUE(static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f) << line;
}

TEST(TopScreen, TroubleAndPauseAreTold) {
    const View view = view_of(nullptr, at(10, 1));
    const auto lines = lines_of(
        view, {.exporter = "h:1", .paused = true, .trouble = "connection refused"}, {100, 40});
    EXPECT_THAT(lines[0], HasSubstr("PAUSED"));
    EXPECT_THAT(lines, Contains("!! connection refused"));
}

TEST(TopScreen, NumbersStayShort) {
    EXPECT_EQ(short_number(-1), "-");
    EXPECT_EQ(short_number(0), "0");
    EXPECT_EQ(short_number(1.25), "1.2");
    EXPECT_EQ(short_number(999), "999");
    EXPECT_EQ(short_number(999.9), "1k");
    EXPECT_EQ(short_number(1'234'567), "1.2M");
    EXPECT_EQ(cell("abc", 5), "abc  ");
    EXPECT_EQ(cell("abcdef", 4), "abc…");
    EXPECT_EQ(cell("äöü", 3), "äöü");
    EXPECT_EQ(duration_text(59), "59s");
    EXPECT_EQ(duration_text(90'000), "1d01h");
}

// Whoever answers in the exporter's place says what it likes.
TEST(TopSnapshot, NumbersThatCannotBeAreAnError) {
    const auto with = [](const std::string& member) {
        return parse_overview(R"({"seconds": 1, )" + member + "}");
    };
    for (const char* number : {"1e300", "-1e300", "0.5", "18446744073709551615", "\"7\"", "null"})
        EXPECT_THROW(static_cast<void>(with(std::string("\"connections\": ") + number)), Error)
            << number;
    for (const char* number : {"1e300", "-1", "0.5", "\"7\""}) {
        EXPECT_THROW(static_cast<void>(with(std::string("\"accepted\": ") + number)), Error)
            << number;
        EXPECT_THROW(static_cast<void>(with(R"("refusals": {"x": )" + std::string(number) + "}")),
                     Error)
            << number;
    }
    EXPECT_EQ(with(R"("connections": -7)").connections, -7);
    EXPECT_EQ(with(R"("accepted": 18446744073709551615)").accepted, 18446744073709551615U);
    EXPECT_NE(duration_text(parse_overview(R"({"seconds": 1e300})").seconds), "");
    EXPECT_EQ(duration_text(parse_overview(R"({"seconds": -1e300})").seconds), "0s");
}

TEST(TopSnapshot, AnErrorThatQuotesAnAnswerCommandsNoTerminal) {
    try {
        static_cast<void>(parse_overview("{\"name\":\"\u009b2J"));
        FAIL() << "it is no page";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("\\u{9b}2J"));
    }
}

TEST(TopSnapshot, WhatIsNoSuchPageIsAnError) {
    EXPECT_THROW(static_cast<void>(parse_overview("")), Error);
    EXPECT_THROW(static_cast<void>(parse_overview("[]")), Error);
    EXPECT_THROW(static_cast<void>(parse_overview(R"({"seconds":"x"})")), Error);
    EXPECT_THROW(static_cast<void>(parse_idents("{}")), Error);
    EXPECT_THROW(static_cast<void>(parse_idents(R"({"idents":[{"ident":7}]})")), Error);
    EXPECT_THROW(static_cast<void>(parse_channels(R"({"channels":[1]})")), Error);
    EXPECT_EQ(parse_connections(R"({"connections":[{"ident":"x"}]})")[0].ident, "x");
    EXPECT_EQ(parse_overview(R"({"seconds":1})").connections, 0);
}

TEST(TopExporter, SaysWhatAnswersAndWhatToDo) {
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}", "/overview"), "{}");
    const auto complaint = [](const std::string& answer) -> std::string {
        try {
            static_cast<void>(body_of(answer, "/idents?limit=1"));
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(complaint("HTTP/1.1 404 Not Found\r\n\r\n"), HasSubstr("--exporter-details"));
    EXPECT_THAT(complaint("HTTP/1.1 503 x\r\n\r\nbusy\x1b"), Not(HasSubstr("\x1b")));
    EXPECT_THAT(complaint("\0\0\0\x10\x01hpfeeds"), HasSubstr("does not speak HTTP"));
}

}  // namespace
}  // namespace hpfeeds::cli::top_view
