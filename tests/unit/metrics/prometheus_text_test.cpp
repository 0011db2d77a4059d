// SPDX-License-Identifier: Apache-2.0
#include "metrics/prometheus_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace hpfeeds::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text(Family family) {
    return prometheus_text(std::vector<Family>{std::move(family)});
}

TEST(PrometheusText, TellsACounterUnderBothNames) {
    EXPECT_EQ(text({"hpfeeds_broker_connection_made",
                    "Connections accepted.",
                    Family::Type::counter,
                    {{{}, 42}}}),
              "# HELP hpfeeds_broker_connection_made Connections accepted.\n"
              "# TYPE hpfeeds_broker_connection_made untyped\n"
              "hpfeeds_broker_connection_made 42\n"
              "# HELP hpfeeds_broker_connection_made_total Connections accepted.\n"
              "# TYPE hpfeeds_broker_connection_made_total counter\n"
              "hpfeeds_broker_connection_made_total 42\n");
}

TEST(PrometheusText, TellsACounterThatIsATotalOnce) {
    EXPECT_EQ(text({"process_cpu_seconds_total", "CPU.", Family::Type::counter, {{{}, 1.5}}}),
              "# HELP process_cpu_seconds_total CPU.\n"
              "# TYPE process_cpu_seconds_total counter\n"
              "process_cpu_seconds_total 1.5\n");
}

TEST(PrometheusText, TellsAGaugeWithItsLabels) {
    EXPECT_EQ(text({"hpfeeds_broker_subscriptions",
                    "Subscriptions.",
                    Family::Type::gauge,
                    {{{{"ident", "a"}, {"chan", "b"}}, 1}, {{{"ident", "c"}, {"chan", "d"}}, -2}}}),
              "# HELP hpfeeds_broker_subscriptions Subscriptions.\n"
              "# TYPE hpfeeds_broker_subscriptions gauge\n"
              "hpfeeds_broker_subscriptions{ident=\"a\",chan=\"b\"} 1\n"
              "hpfeeds_broker_subscriptions{ident=\"c\",chan=\"d\"} -2\n");
}

TEST(PrometheusText, AddsUpTheBucketsOfAHistogram) {
    Family family{"hpfeeds_broker_receive_publish_size", "Payload bytes.", Family::Type::histogram};
    family.upper_bounds = {1024, 2048, 4194304};
    family.histograms = {{{{"ident", "a"}}, {3, 2, 0, 1}, 5'000'000}};
    EXPECT_EQ(text(family),
              "# HELP hpfeeds_broker_receive_publish_size Payload bytes.\n"
              "# TYPE hpfeeds_broker_receive_publish_size histogram\n"
              "hpfeeds_broker_receive_publish_size_count{ident=\"a\"} 6\n"
              "hpfeeds_broker_receive_publish_size_sum{ident=\"a\"} 5000000\n"
              "hpfeeds_broker_receive_publish_size_bucket{ident=\"a\",le=\"1024\"} 3\n"
              "hpfeeds_broker_receive_publish_size_bucket{ident=\"a\",le=\"2048\"} 5\n"
              "hpfeeds_broker_receive_publish_size_bucket{ident=\"a\",le=\"4194304\"} 5\n"
              "hpfeeds_broker_receive_publish_size_bucket{ident=\"a\",le=\"+Inf\"} 6\n");
}

TEST(PrometheusText, KeepsLargeCountersExact) {
    EXPECT_THAT(text({"bytes", "Bytes.", Family::Type::gauge, {{{}, 9007199254740991.0}}}),
                HasSubstr("\nbytes 9007199254740991\n"));
}

TEST(PrometheusText, NamesAFamilyWithoutSamples) {
    EXPECT_THAT(text({"quiet", "Nothing yet.", Family::Type::counter}),
                HasSubstr("# TYPE quiet_total counter\n"));
    EXPECT_EQ(prometheus_text({}), "");
}

TEST(PrometheusText, EscapesLabelValues) {
    const auto label = [](std::string value) {
        return text({"x", "X.", Family::Type::gauge, {{{{"ident", std::move(value)}}, 1}}});
    };
    EXPECT_THAT(label("a\"b"), HasSubstr(R"(ident="a\"b"})"));
    EXPECT_THAT(label("a\\b"), HasSubstr(R"(ident="a\\b"})"));
    EXPECT_THAT(label("a\nb"), HasSubstr(R"(ident="a\nb"})"));
    EXPECT_THAT(label("caf\xE9"), HasSubstr(R"(ident="caf\\xe9"})"));
    EXPECT_THAT(label("größe"), HasSubstr("ident=\"größe\"}"));
}

TEST(LabelText, KeepsValidUtf8) {
    for (const char* value : {"", "cowrie", "größe", "蜜罐", "😀", "\xED\x9F\xBF", "\xEE\x80\x80",
                              "\xF4\x8F\xBF\xBF", "a\\b", "back\\"})
        EXPECT_EQ(label_text(value), value);
}

TEST(LabelText, EscapesWhatIsNotUtf8) {
    EXPECT_EQ(label_text("\x80"), R"(\x80)");
    EXPECT_EQ(label_text("\xFF"), R"(\xff)");
    EXPECT_EQ(label_text("\xC0\xAF"), R"(\xc0\xaf)") << "overlong";
    EXPECT_EQ(label_text("\xE0\x80\xAF"), R"(\xe0\x80\xaf)") << "overlong";
    EXPECT_EQ(label_text("\xF0\x80\x80\xAF"), R"(\xf0\x80\x80\xaf)") << "overlong";
    EXPECT_EQ(label_text("\xED\xA0\x80"), R"(\xed\xa0\x80)") << "a surrogate";
    EXPECT_EQ(label_text("\xF4\x90\x80\x80"), R"(\xf4\x90\x80\x80)") << "above U+10FFFF";
    EXPECT_EQ(label_text("\xE2\x82"), R"(\xe2\x82)") << "torn";
    EXPECT_EQ(label_text("\xE2\x41"), R"(\xe2A)");
}

TEST(LabelText, NeverMakesTwoValuesOne) {
    const std::string values[] = {"\xFF",        R"(\xff)", R"(\x5cxff)", R"(\\xff)", "\\\xFF",
                                  R"(\\x5cxff)", "\\x\xFF", R"(\x\xff)",  "\\\\\xFF", R"(\\\xff)"};
    std::set<std::string> texts;
    for (const std::string& value : values)
        EXPECT_TRUE(texts.insert(label_text(value)).second) << label_text(value);
}

}  // namespace
}  // namespace hpfeeds::metrics
