// SPDX-License-Identifier: Apache-2.0
// stall_watch.hpp: ends a database driver's waiting for a server that does not answer.
//
// libpq waits in recv() for as long as the server likes; no setting of it ends that while the
// server's process is stopped but its kernel still acknowledges. So the time is watched from
// outside: when it is over, the connection's socket is shut down, and the driver comes back with an
// error at once (docs/decisions/0005-sql-through-soci.md).
//
//   { StallWatch::Guard guard(watch, socket, timeout);  … talk …  if (guard.expired()) … }
//
// Threads  guards on any thread, several at once. One thread of its own, started by the first
//          guard.
// Errors   std::system_error when that thread cannot be started.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace hpfeeds::auth {

class StallWatch {
public:
    using Clock = std::chrono::steady_clock;

    StallWatch() = default;
    StallWatch(const StallWatch&) = delete;
    StallWatch& operator=(const StallWatch&) = delete;
    ~StallWatch();

private:
    struct Entry {
        Clock::time_point deadline;
        int socket;
        bool expired = false;
    };
    using Entries = std::list<Entry>;

public:
    class Guard {
    public:
        // Requires: the socket stays open while the guard lives. -1: nothing is watched.
        Guard(StallWatch& watch, int socket, std::chrono::milliseconds timeout);
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard();
        [[nodiscard]] bool expired() const;

    private:
        StallWatch& watch_;
        Entries::iterator entry_;
    };

private:
    void keep_time() noexcept;

    std::mutex mutex_;
    std::condition_variable changed_;
    Entries entries_;
    Clock::time_point next_ = Clock::time_point::max();  // until when the thread sleeps
    bool stopping_ = false;
    std::thread thread_;
};

// Ends both directions of a connected socket: whoever waits for it comes back at once.
void cut(int socket) noexcept;

}  // namespace hpfeeds::auth
