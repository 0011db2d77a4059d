// SPDX-License-Identifier: Apache-2.0
// watchdog_interval.hpp: how often the service manager wants to hear that we live (WatchdogSec=).
#pragma once

#include <chrono>
#include <optional>

namespace hpfeeds::service {

// Half of WATCHDOG_USEC, as sd_watchdog_enabled(3) advises, at least a millisecond; nothing when
// nobody waits for it, or WATCHDOG_PID means another process. The variables leave the environment.
// Throws hpfeeds::Error. Call it before there are threads.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace hpfeeds::service
