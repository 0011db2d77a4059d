// SPDX-License-Identifier: Apache-2.0
// deadline.hpp: how long a test waits for something that ought to happen.
//
// A deadline is no timing assertion: it only ends a test that would hang. HPFEEDS_TEST_SCALE (a
// number) multiplies every one of them, for slow machines and sanitizers.
#pragma once

#include <chrono>

namespace hpfeeds::support {

class Deadline {
public:
    explicit Deadline(std::chrono::milliseconds from_now = std::chrono::seconds(20));

    [[nodiscard]] bool passed() const noexcept;
    // For poll(2): never negative, never more than `at_most`.
    [[nodiscard]] int left_ms(int at_most = 1'000'000) const noexcept;
    [[nodiscard]] std::chrono::steady_clock::time_point when() const noexcept { return when_; }

private:
    std::chrono::steady_clock::time_point when_;
};

}  // namespace hpfeeds::support
