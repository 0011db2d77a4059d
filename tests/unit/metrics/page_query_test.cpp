// SPDX-License-Identifier: Apache-2.0
#include "metrics/page_query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace hpfeeds::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::string_view_literals;

constexpr std::array sorts{"bytes"sv, "ident"sv};

TEST(PageQuery, NothingAskedForIsTheFirstPage) {
    const PageQuery query = parse_page_query("", sorts);
    EXPECT_EQ(query.limit, page_rows_default);
    EXPECT_EQ(query.offset, 0U);
    EXPECT_EQ(query.sort, "bytes");
    EXPECT_EQ(query.refusal, "");
}

TEST(PageQuery, TakesEachInAnyOrder) {
    const PageQuery query = parse_page_query("sort=ident&offset=7&limit=1000&", sorts);
    EXPECT_EQ(query.refusal, "");
    EXPECT_EQ(query.limit, 1000U);
    EXPECT_EQ(query.offset, 7U);
    EXPECT_EQ(query.sort, "ident");
}

TEST(PageQuery, RefusesWhatIsNoNumberOrOutOfBounds) {
    for (const auto* query : {"limit=0", "limit=1001", "limit=", "limit", "limit=1x", "limit=-1",
                              "limit=99999999999999999999", "offset=1000001"})
        EXPECT_THAT(parse_page_query(query, sorts).refusal, HasSubstr("give a number from"))
            << query;
}

TEST(PageQuery, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(parse_page_query("sort=secret", sorts).refusal,
              "sort 'secret': give one of bytes, ident");
    EXPECT_THAT(parse_page_query("colour=red", sorts).refusal, HasSubstr("'colour' is not known"));
    EXPECT_THAT(parse_page_query("=", sorts).refusal, HasSubstr("'' is not known"));
}

TEST(PageQuery, ShowsABadWordHarmlesslyAndShort) {
    const std::string hostile = "sort=\x1b[2J" + std::string(5000, 'x');
    const std::string refusal = parse_page_query(hostile, sorts).refusal;
    EXPECT_THAT(refusal, Not(HasSubstr("\x1b")));
    EXPECT_LT(refusal.size(), 200U);
}

}  // namespace
}  // namespace hpfeeds::metrics
