// SPDX-License-Identifier: Apache-2.0
// patience.hpp: how tests wait for another thread: until it says so, or long enough to be sure that
// it never will.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace hpfeeds::auth::tests {

inline constexpr std::chrono::seconds patience{60};

// Something that happens again and again on another thread; wait_until() looks at a condition after
// each time.
class Bell {
public:
    void ring() {
        {
            const std::lock_guard lock(mutex_);
            ++rung_;
        }
        condition_.notify_all();
    }

    // False when patience ran out. The condition is evaluated on the waiting thread, before and
    // after every ring.
    template <typename Condition>
    [[nodiscard]] bool wait_until(Condition&& met) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        std::unique_lock lock(mutex_);
        for (;;) {
            const unsigned long seen = rung_;
            lock.unlock();
            if (met()) return true;
            lock.lock();
            if (!condition_.wait_until(lock, deadline, [&] { return rung_ != seen; })) return met();
        }
    }
    [[nodiscard]] unsigned long rung() const {
        const std::lock_guard lock(mutex_);
        return rung_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable condition_;
    unsigned long rung_ = 0;
};

}  // namespace hpfeeds::auth::tests
