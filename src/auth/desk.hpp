// SPDX-License-Identifier: Apache-2.0
// desk.hpp: where I/O threads hand in look-ups, so that no database ever makes them wait.
//
// A bounded queue and some workers. submit() neither blocks nor allocates; a full desk refuses, and
// the caller refuses the login. Answers are handed to a callback on the worker, in no particular
// order.
//
// Threads  submit() and the counters: any. stop() and the destructor: the owner. The callback runs
// on the workers, several
//          at once, and must not throw; there is none after stop() has returned.
// Errors   the constructor throws hpfeeds::Error; submit() returns false.
#pragma once

#include "auth/account_source.hpp"
#include "auth/limits.hpp"
#include "auth/request_ring.hpp"

#include <semaphore.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace hpfeeds::auth {

struct Answer {
    std::uint32_t shard = 0;
    std::uint32_t session_index = 0;
    std::uint32_t session_generation = 0;
    core::Purpose purpose = core::Purpose::login;
    Lookup lookup;
};

class Desk {
public:
    // Requires: `source` and what `answered` refers to outlive the desk. 1 to 64 workers, room for
    // 2 to 1 048 576 requests.
    // `rechecks_max` of them beside these may be rechecks, which so never take a login's place.
    Desk(AccountSource& source, unsigned workers, std::size_t queue_max,
         std::function<void(Answer)> answered, std::size_t rechecks_max = 0);
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;
    ~Desk();

    // False when the desk is full or stopped.
    [[nodiscard]] bool submit(const Request& request) noexcept;

    // Drops what is queued, waits for the look-ups under way (a store bounds how long one takes)
    // and drops their answers.
    void stop() noexcept;

    struct Counts {
        std::uint64_t looked_up = 0;
        std::uint64_t refused_full = 0;
        std::uint64_t queue_length = 0;
        // From Request::opened_ns to the moment a worker took it, summed over all looked up, and
        // the longest of them.
        std::uint64_t queued_ns_sum = 0;
        std::uint64_t queued_ns_max = 0;
    };
    [[nodiscard]] Counts counts() const noexcept;

private:
    void work() noexcept;
    [[nodiscard]] bool has_room(core::Purpose purpose) noexcept;
    void count_wait(std::uint64_t opened_ns) noexcept;

    AccountSource& source_;
    const std::function<void(Answer)> answered_;
    const std::size_t queue_max_;
    const std::size_t rechecks_max_;
    RequestRing ring_;
    std::atomic<std::size_t> rechecks_queued_{0};
    sem_t waiting_;  // one per queued request, and one per worker to end it
    std::atomic<bool> stopping_{false};
    // Written by several threads, so not metrics::Counter.
    std::atomic<std::uint64_t> looked_up_{0};
    std::atomic<std::uint64_t> refused_full_{0};
    std::atomic<std::uint64_t> queued_ns_sum_{0};
    std::atomic<std::uint64_t> queued_ns_max_{0};
    std::vector<std::thread> workers_;
};

}  // namespace hpfeeds::auth
