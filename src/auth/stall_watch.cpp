// SPDX-License-Identifier: Apache-2.0
#include "auth/stall_watch.hpp"

#include "auth/worker_thread.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>

namespace hpfeeds::auth {

void cut(int socket) noexcept {
    if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
}

StallWatch::~StallWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

StallWatch::Guard::Guard(StallWatch& watch, int socket, std::chrono::milliseconds timeout)
    : watch_(watch) {
    const std::lock_guard lock(watch_.mutex_);
    if (!watch_.thread_.joinable())
        watch_.thread_ = start_worker_thread("auth-stall", [&watch] { watch.keep_time(); });
    const Clock::time_point deadline = Clock::now() + timeout;
    watch_.entries_.push_back({deadline, socket});
    entry_ = std::prev(watch_.entries_.end());
    if (deadline < watch_.next_) watch_.changed_.notify_one();
}

StallWatch::Guard::~Guard() {
    const std::lock_guard lock(watch_.mutex_);
    watch_.entries_.erase(entry_);
}

bool StallWatch::Guard::expired() const {
    const std::lock_guard lock(watch_.mutex_);
    return entry_->expired;
}

void StallWatch::keep_time() noexcept {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const Clock::time_point now = Clock::now();
        Clock::time_point next = Clock::time_point::max();
        for (Entry& entry : entries_) {
            if (entry.expired) continue;
            if (entry.deadline <= now) {
                entry.expired = true;
                cut(entry.socket);
            } else {
                next = std::min(next, entry.deadline);
            }
        }
        next_ = next;
        if (next == Clock::time_point::max()) {
            changed_.wait(lock);
        } else {
            changed_.wait_until(lock, next);
        }
    }
}

}  // namespace hpfeeds::auth
