// SPDX-License-Identifier: Apache-2.0
// signals.hpp: what the outside asks of a running broker. They are blocked in every thread, and
// waited for in the main one.
#pragma once

#include <chrono>
#include <optional>

namespace hpfeeds::broker {

// Blocks them in this thread and all that it will start, and ignores SIGPIPE and SIGXFSZ.
void block_signals();

// The next of them, or nothing when none comes within `patience`; without one it waits for ever.
// Requires: block_signals().
[[nodiscard]] std::optional<int> wait_for_signal(std::optional<std::chrono::milliseconds> patience);
// SIGTERM or SIGINT; the other one is SIGUSR2.
[[nodiscard]] bool asks_to_stop(int signal) noexcept;

// Waits for so long; true when SIGTERM or SIGINT came. Other signals stay where they are.
[[nodiscard]] bool wait_or_stop_signal(std::chrono::nanoseconds pause);

}  // namespace hpfeeds::broker
