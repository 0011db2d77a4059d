// SPDX-License-Identifier: Apache-2.0
#include "service/watchdog_interval.hpp"

#include "hpfeeds/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdlib>
#include <string>

namespace hpfeeds::service {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::optional<std::chrono::milliseconds> interval_of(const char* period, const char* pid = "") {
    ::setenv("WATCHDOG_USEC", period, 1);
    if (*pid != '\0') ::setenv("WATCHDOG_PID", pid, 1);
    return watchdog_interval();
}

std::string refusal_of(const char* period, const char* pid = "") {
    try {
        (void)interval_of(period, pid);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(WatchdogInterval, IsHalfOfThePeriod) {
    EXPECT_EQ(interval_of("30000000"), 15s);
    EXPECT_EQ(interval_of("86400000000"), 12h);
}

TEST(WatchdogInterval, IsAMillisecondAtLeast) {
    EXPECT_EQ(interval_of("1"), 1ms);
}

TEST(WatchdogInterval, IsNoneWhenNobodyWaits) {
    ::unsetenv("WATCHDOG_USEC");
    EXPECT_EQ(watchdog_interval(), std::nullopt);
}

TEST(WatchdogInterval, IsForTheProcessThatIsMeant) {
    EXPECT_EQ(interval_of("2000", std::to_string(::getpid()).c_str()), 1ms);
    EXPECT_EQ(interval_of("2000", "1"), std::nullopt);
}

TEST(WatchdogInterval, LeavesNoVariables) {
    (void)interval_of("2000", "1");
    EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
    EXPECT_EQ(std::getenv("WATCHDOG_PID"), nullptr);
}

TEST(WatchdogInterval, RefusesWhatIsNoPeriod) {
    for (const char* period : {"", "soon", "-1", "1s", "86400000001", "99999999999999999999"})
        EXPECT_THAT(refusal_of(period), HasSubstr("WATCHDOG_USEC='" + std::string(period) + "'"));
    EXPECT_THAT(refusal_of("2000", "me"), HasSubstr("WATCHDOG_PID='me'"));
}

}  // namespace
}  // namespace hpfeeds::service
