// SPDX-License-Identifier: Apache-2.0
// wake_event.hpp: something to poll for that another thread, or a signal handler, makes readable.
//
// Threads  any; notify() is async-signal-safe.
// Errors   the constructor throws hpfeeds::Error when the process has no descriptor left.
#pragma once

#include "hpfeeds/error.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>

namespace hpfeeds::client {

class WakeEvent {
public:
    WakeEvent() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (descriptor_ >= 0) return;
        const std::error_code why(errno, std::generic_category());
        throw Error("no descriptor for a wake-up: " + why.message(), why);
    }
    ~WakeEvent() { ::close(descriptor_); }
    WakeEvent(const WakeEvent&) = delete;
    WakeEvent& operator=(const WakeEvent&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    // Readable until clear().
    void notify() const noexcept {
        const int before = errno;
        static_cast<void>(eventfd_write(descriptor_, 1));
        errno = before;
    }
    void clear() const noexcept {
        eventfd_t count = 0;
        static_cast<void>(eventfd_read(descriptor_, &count));
    }

private:
    int descriptor_;
};

}  // namespace hpfeeds::client
