// SPDX-License-Identifier: Apache-2.0
// login_storm.hpp: thousands of sensors that log in at once, on one thread.
//
// A login has no answer when it succeeds, so a sensor counts as served when it has subscribed a
// channel of its own and heard itself there. One that is refused or cut off connects again at once,
// as sensors in the field do, and is counted as a failure.
#pragma once

#include "support/wire_client.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace hpfeeds::bench {

// Sensor `number`: its ident, secret and channel are all this.
[[nodiscard]] std::string sensor_name(std::size_t number);

struct StormResult {
    std::size_t served = 0;
    std::size_t failures = 0;
    std::chrono::milliseconds first{0};  // until the first was served
    std::chrono::milliseconds last{0};   // until the last was
};

// Returns when all are served, or when `patience` is over.
[[nodiscard]] StormResult run_storm(const support::Address& broker, std::size_t sensors,
                                    std::chrono::seconds patience);

}  // namespace hpfeeds::bench
