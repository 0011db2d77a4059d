// SPDX-License-Identifier: Apache-2.0
// deadline.hpp: until when a caller is ready to wait.
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>

namespace hpfeeds::client {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
inline constexpr Deadline no_deadline = Deadline::max();

[[nodiscard]] inline Deadline in(std::chrono::milliseconds wait) {
    return Clock::now() + wait;
}

// A timeout that begins when somebody first has to wait, so that those who need not wait pay for no
// clock. milliseconds::max() is for ever.
class Timeout {
public:
    explicit Timeout(std::chrono::milliseconds wait) noexcept : wait_(wait) {}
    [[nodiscard]] Deadline deadline() {
        if (begun_) return deadline_;
        begun_ = true;
        if (wait_ != std::chrono::milliseconds::max()) deadline_ = in(wait_);
        return deadline_;
    }

private:
    std::chrono::milliseconds wait_;
    bool begun_ = false;
    Deadline deadline_ = no_deadline;
};

// A few milliseconds late and several times cheaper than Clock::now(): for what is stamped once per
// message.
[[nodiscard]] inline Clock::time_point coarse_now() noexcept {
    timespec now{};
    static_cast<void>(clock_gettime(CLOCK_MONOTONIC_COARSE, &now));
    return Clock::time_point(std::chrono::seconds(now.tv_sec) +
                             std::chrono::nanoseconds(now.tv_nsec));
}

// For poll(2): -1 waits for ever; what remains is rounded up, so that a deadline is never met early
// in a busy loop.
[[nodiscard]] inline int poll_timeout(Deadline deadline) {
    if (deadline == no_deadline) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    using Count = decltype(left);
    return static_cast<int>(std::clamp<Count>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace hpfeeds::client
