// SPDX-License-Identifier: Apache-2.0
// top.hpp: a live view of a broker: connections, idents, channels, rates, queues and refusals, from
// its exporter's details.
//
// On a terminal the view is redrawn every interval until q or Ctrl+C; s changes the order, p
// pauses. Elsewhere, and with `once`, it is printed once, from two looks an interval apart. An
// exporter that goes away is asked again at every interval.
//
// Threads  one owner.    Errors  one line and exit_failed when the exporter cannot be asked at
// first.
#pragma once

#include "console.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace hpfeeds::cli {

struct TopOptions {
    std::string host = "localhost";
    std::uint16_t port = 9431;
    std::chrono::milliseconds interval{2'000};
    bool once = false;
    bool json = false;  // an object per interval in place of the view
};
[[nodiscard]] int top(const TopOptions& options, const Console& console);

}  // namespace hpfeeds::cli
