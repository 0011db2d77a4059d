// SPDX-License-Identifier: Apache-2.0
// breaking_relay.hpp: stands between a driver and its server, passes on what each says, and breaks
// a number of connections in the middle of their logins.
//
// Threads    one of its own, which ends with its owner; every function may be called from any.
// Errors     std::system_error, when there is no socket to be had.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace hpfeeds::support {

class BreakingRelay {
public:
    // Breaks the first `logins`; whoever comes later is let through to the server on this port.
    BreakingRelay(std::uint16_t server, int logins);
    ~BreakingRelay();
    BreakingRelay(const BreakingRelay&) = delete;
    BreakingRelay& operator=(const BreakingRelay&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] int broken() const noexcept { return broken_.load(); }

private:
    void run();
    void let_in();
    // From the side with this number to the other one of its pair. False when the pair is over.
    bool pass_on(std::size_t side);

    const std::uint16_t server_;
    const int logins_;
    std::uint16_t port_ = 0;
    std::atomic<int> broken_{0};
    // The stop's pipe, the listening socket, then pairs: a driver's side and its server's.
    std::vector<pollfd> sides_;
    int stop_ = -1;
    std::thread thread_;
};

}  // namespace hpfeeds::support
