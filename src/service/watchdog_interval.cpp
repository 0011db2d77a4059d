// SPDX-License-Identifier: Apache-2.0
#include "service/watchdog_interval.hpp"

#include "service/environment.hpp"

#include <unistd.h>
#include <algorithm>
#include <limits>

namespace hpfeeds::service {
namespace {

// A day; a watchdog that waits longer watches nothing.
constexpr std::uint64_t microseconds_max = 86'400'000'000;

}  // namespace

std::optional<std::chrono::milliseconds> watchdog_interval() {
    const auto pid = take_variable("WATCHDOG_PID");
    const auto period = take_variable("WATCHDOG_USEC");
    if (!period) return std::nullopt;
    if (pid) {
        const auto meant =
            whole_number("WATCHDOG_PID", *pid, std::numeric_limits<decltype(::getpid())>::max());
        if (meant != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
    }
    const std::chrono::microseconds whole(whole_number("WATCHDOG_USEC", *period, microseconds_max));
    const auto half = std::chrono::duration_cast<std::chrono::milliseconds>(whole / 2);
    return std::max(half, std::chrono::milliseconds{1});
}

}  // namespace hpfeeds::service
