// SPDX-License-Identifier: Apache-2.0
// bell.hpp: wakes one thread that has nothing else to wait for; cheaper than a descriptor, which
// poll(2) needs.
//
// A ring that nobody waits for is kept: the next wait() returns at once. So whoever waits looks
// again at what it waits for.
//
// Threads  any; ring() is async-signal-safe.
// Errors   none.
#pragma once

#include "client/deadline.hpp"

#include <semaphore.h>
#include <cerrno>
#include <chrono>
#include <ctime>

namespace hpfeeds::client {

class Bell {
public:
    Bell() noexcept { sem_init(&rings_, 0, 0); }
    ~Bell() { sem_destroy(&rings_); }
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    void ring() noexcept {
        const int before = errno;
        sem_post(&rings_);
        errno = before;
    }
    // False: nobody rang before the deadline. A signal may end the wait early.
    bool wait(Deadline deadline) noexcept {
        if (deadline == no_deadline) {
            sem_wait(&rings_);
            return true;
        }
        const auto since_boot = deadline.time_since_epoch();
        const auto whole = std::chrono::floor<std::chrono::seconds>(since_boot);
        const timespec until{static_cast<std::time_t>(whole.count()),
                             std::chrono::nanoseconds(since_boot - whole).count()};
        return sem_clockwait(&rings_, CLOCK_MONOTONIC, &until) == 0 || errno == EINTR;
    }

private:
    sem_t rings_{};
};

}  // namespace hpfeeds::client
