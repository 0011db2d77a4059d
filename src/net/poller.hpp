// SPDX-License-Identifier: Apache-2.0
// poller.hpp: which sockets are ready. epoll, level-triggered; another backend is another .cpp.
//
// Threads  owned by one thread.    Errors  the constructor throws hpfeeds::Error; a socket that
// cannot be watched is false.
#pragma once

#include "net/descriptor.hpp"

#include <sys/epoll.h>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hpfeeds::net {

struct Interest {
    bool readable = false;
    bool writable = false;
    bool operator==(const Interest&) const = default;
};

struct Ready {
    std::uint64_t tag = 0;  // what watch() was given
    bool readable = false;
    bool writable = false;
    bool hung_up = false;  // both directions are over, or the socket has an error: reported
                           // whatever the interest
};

class Poller {
public:
    Poller();

    [[nodiscard]] bool watch(int fd, std::uint64_t tag, Interest interest) noexcept;
    void change(int fd, std::uint64_t tag, Interest interest) noexcept;
    void unwatch(int fd) noexcept;

    // Waits for at most `timeout`, without end if there is none. Valid until the next call.
    [[nodiscard]] std::span<const Ready> wait(
        std::optional<std::chrono::milliseconds> timeout) noexcept;
    // Whoever is still ready is told again and again, in much the same order. The next time with
    // anybody ready begins with this one, if it is among them, and those behind it.
    void begin_with(std::uint64_t tag) noexcept { first_ = tag; }

private:
    void put_first(std::span<Ready> ready) noexcept;

    Descriptor epoll_;
    std::vector<epoll_event> events_;
    std::vector<Ready> ready_;
    std::optional<std::uint64_t> first_;
};

}  // namespace hpfeeds::net
