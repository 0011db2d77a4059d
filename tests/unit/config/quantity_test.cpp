// SPDX-License-Identifier: Apache-2.0
#include "config/quantity.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hpfeeds::config {
namespace {

using std::chrono::milliseconds;

TEST(Size, ReadsBytesAndBinaryUnits) {
    EXPECT_EQ(parse_size("0"), 0u);
    EXPECT_EQ(parse_size("1048581"), 1'048'581u);
    EXPECT_EQ(parse_size("64K"), 65'536u);
    EXPECT_EQ(parse_size("64KiB"), 65'536u);
    EXPECT_EQ(parse_size("64M"), 67'108'864u);
    EXPECT_EQ(parse_size("64MiB"), 67'108'864u);
    EXPECT_EQ(parse_size("2G"), 2'147'483'648u);
    EXPECT_EQ(parse_size("2GiB"), 2'147'483'648u);
}

TEST(Size, RefusesWhatIsNotASize) {
    for (const char* text : {"", "M", "-1", "+1", " 1", "1 ", "1 M", "1.5M", "1MB", "1mib", "0x10",
                             "1Mi", "1T", "64MiB64"})
        EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Size, RefusesWhatDoesNotFit) {
    EXPECT_EQ(parse_size("18446744073709551615"), std::numeric_limits<std::size_t>::max());
    EXPECT_FALSE(parse_size("18446744073709551616"));
    EXPECT_FALSE(parse_size("17179869184G"));
    EXPECT_TRUE(parse_size("17179869183G"));
}

TEST(Duration, ReadsSecondsAndUnits) {
    EXPECT_EQ(parse_duration("10"), milliseconds{10'000});
    EXPECT_EQ(parse_duration("10s"), milliseconds{10'000});
    EXPECT_EQ(parse_duration("500ms"), milliseconds{500});
    EXPECT_EQ(parse_duration("2m"), milliseconds{120'000});
    EXPECT_EQ(parse_duration("0"), milliseconds{0});
}

TEST(Duration, RefusesWhatIsNotADurationOrDoesNotFit) {
    for (const char* text :
         {"", "s", "-1", "1.5s", "1 s", "1h", "1min", "10S", "9223372036854775807"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Count, ReadsWholeNumbersOnly) {
    EXPECT_EQ(parse_count("0"), 0u);
    EXPECT_EQ(parse_count("20000"), 20'000u);
    for (const char* text : {"", "-1", "1K", "1.0", " 1", "1x", "18446744073709551616"})
        EXPECT_FALSE(parse_count(text)) << text;
}

TEST(Quantity, IsWrittenSoThatItReadsBack) {
    for (const std::size_t bytes :
         {0ULL, 1ULL, 1'048'581ULL, 2'048ULL, 67'108'864ULL, 1ULL << 33, 52'429'050ULL})
        EXPECT_EQ(parse_size(size_text(bytes)), bytes);
    for (const int count : {0, 1, 500, 1'000, 1'500, 60'000, 90'000})
        EXPECT_EQ(parse_duration(duration_text(milliseconds{count})), milliseconds{count});
    EXPECT_EQ(size_text(67'108'864), "64MiB");
    EXPECT_EQ(size_text(2'048), "2KiB");
    EXPECT_EQ(duration_text(milliseconds{90'000}), "90s");
}

}  // namespace
}  // namespace hpfeeds::config
