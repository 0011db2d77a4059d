// SPDX-License-Identifier: Apache-2.0
#include "client/acknowledged.hpp"

#include <gtest/gtest.h>

namespace hpfeeds::client {
namespace {

TEST(Acknowledged, TranslatesWhatArrivedIntoThePositionsOfTheOutbox) {
    Acknowledged acknowledged;
    EXPECT_EQ(acknowledged.arrived(1000), 0U);
    acknowledged.wrote(150, 100);  // 50 bytes of a login before it
    acknowledged.wrote(280, 200);  // and 30 of TLS
    EXPECT_EQ(acknowledged.arrived(149), 0U);
    EXPECT_EQ(acknowledged.arrived(150), 100U);
    EXPECT_FALSE(acknowledged.all());
    EXPECT_EQ(acknowledged.arrived(279), 100U);
    EXPECT_EQ(acknowledged.arrived(300), 200U);
    EXPECT_TRUE(acknowledged.all());
    acknowledged.reset();
    EXPECT_EQ(acknowledged.arrived(300), 0U);
}

TEST(Acknowledged, IsLateRatherThanEarlyWhenThereAreTooManyMarks) {
    Acknowledged acknowledged;
    const std::uint64_t count = 2 * Acknowledged::marks_max;
    for (std::uint64_t i = 1; i <= count; ++i)
        acknowledged.wrote(i * 10, i);
    EXPECT_EQ(acknowledged.arrived(count * 10 - 1), Acknowledged::marks_max - 1);
    EXPECT_EQ(acknowledged.arrived(count * 10), count);
}

}  // namespace
}  // namespace hpfeeds::client
