// SPDX-License-Identifier: Apache-2.0
#include "client/errc.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace hpfeeds::client {
namespace {

constexpr int last_errc = static_cast<int>(Errc::spool_full);

TEST(Errc, EveryValueHasItsText) {
    for (int value = 1; value <= last_errc; ++value)
        EXPECT_NE(error_category().message(value), "unknown") << value;
    EXPECT_EQ(error_category().message(last_errc + 1), "unknown");
    EXPECT_EQ(error_category().message(0), "unknown");
}

TEST(Errc, SortsTroublesByWhatToDoAboutThem) {
    EXPECT_EQ(std::error_code(Errc::closed_by_broker), Trouble::network);
    EXPECT_EQ(std::error_code(ECONNREFUSED, std::generic_category()), Trouble::network);
    EXPECT_EQ(std::error_code(ETIMEDOUT, std::system_category()), Trouble::network);
    EXPECT_EQ(std::error_code(Errc::authentication_failed), Trouble::refusal);
    EXPECT_NE(std::error_code(Errc::authentication_failed), Trouble::network);
    EXPECT_EQ(std::error_code(Errc::certificate_refused), Trouble::trust);
    EXPECT_EQ(std::error_code(Errc::payload_too_large), Trouble::usage);
    EXPECT_EQ(std::error_code(Errc::spool_locked), Trouble::storage);
    EXPECT_NE(std::error_code(), Trouble::network);
    for (int value = 1; value <= 5; ++value)
        EXPECT_NE(trouble_category().message(value), "unknown") << value;
}

TEST(Errc, UnderstandsTheErrorsOfTheBrokersInTheField) {
    EXPECT_EQ(refusal_of("Authentication failed for sensor"), Errc::authentication_failed);
    EXPECT_EQ(refusal_of("First message was not AUTH"), Errc::authentication_failed);
    EXPECT_EQ(refusal_of("authfail."), Errc::authentication_failed);
    EXPECT_EQ(refusal_of("Authkey not allowed to pub here. ident=a, chan=b"),
              Errc::publish_refused);
    EXPECT_EQ(refusal_of("Invalid authkey in message, ident=a"), Errc::publish_refused);
    EXPECT_EQ(refusal_of("accessfail"), Errc::publish_refused);
    EXPECT_EQ(refusal_of("Authkey not allowed to sub here. ident=a, chan=b"),
              Errc::subscribe_refused);
    EXPECT_EQ(refusal_of("Backpressure deadline timer expired"), Errc::reader_too_slow);
    EXPECT_EQ(refusal_of("the moon is in the wrong house"), Errc::refused);
    EXPECT_EQ(refusal_of(""), Errc::refused);
}

TEST(Errc, FindsTheChannelOfARefusal) {
    EXPECT_EQ(refused_channel("Authkey not allowed to pub here. ident=a, chan=x=chan"), "x=chan");
    EXPECT_EQ(refused_channel("accessfail"), "");
}

}  // namespace
}  // namespace hpfeeds::client
