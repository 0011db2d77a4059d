// SPDX-License-Identifier: Apache-2.0
// desk.hpp: where I/O threads hand in look-ups, so that no database ever makes them wait.
//
// The stores are asked in the order in which they were given, and the first that knows the ident
// decides. One that cannot tell is logged, counted and passed over; when nobody further on knows
// the ident either, the whole answer is "cannot tell", never "no such key".
//
//   submit() → ring → front ─ memory: asked there and then
//                           └ lane: queue, workers, gate ─ next store …
//
// Stores that answer from memory are asked by whichever thread walks the errand; each of the others
// has a lane (lane.hpp), so that one which is slow, frozen or gone holds up only those who must ask
// it. submit() neither blocks nor allocates; a full desk refuses, and the caller refuses the login.
// Answers are handed to a callback, in no particular order.
//
// Threads  submit() and the counters: any. stop() and the destructor: the owner. The callback runs
//          on threads of the desk, several at once, and must not throw; there is none after stop()
//          has returned.
// Errors   the constructor throws hpfeeds::Error; submit() returns false.
#pragma once

#include "auth/account_source.hpp"
#include "auth/lane.hpp"
#include "auth/limits.hpp"
#include "auth/request_ring.hpp"
#include "auth/store_counters.hpp"

#include <semaphore.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::auth {

struct Answer {
    std::uint32_t shard = 0;
    std::uint32_t session_index = 0;
    std::uint32_t session_generation = 0;
    core::Purpose purpose = core::Purpose::login;
    Lookup lookup;
    std::uint64_t opened_ns = 0;  // the request's
};

class Desk {
public:
    struct Options {
        unsigned workers = 4;           // of each store that may block; 1 to 64
        std::size_t queue_max = 8'192;  // look-ups that wait for one store; 1 to 1 048 576
        std::chrono::milliseconds timeout = lookup_timeout;  // of one look-up under way
        bool check_at_start = false;  // ask each store that may block before anybody logs in
        OutageGate::Limits backoff{};
        // So many rechecks may wait beside those, and so never take a login's place.
        std::size_t rechecks_max = 0;
    };

    // Requires: the sources and what `answered` refers to outlive the desk.
    Desk(std::vector<AccountSource*> sources, const Options& options,
         std::function<void(Answer)> answered);
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;
    ~Desk();

    // False when the desk is full or stopped.
    [[nodiscard]] bool submit(const Request& request) noexcept;

    // Drops what is queued, waits for the look-ups under way (a store bounds how long one takes)
    // and drops their answers.
    void stop() noexcept;

    struct StoreCounts {
        std::string name;
        StoreCounters::Values store;
        std::size_t queue_length = 0;
        bool out = false;
        bool answered = true;  // once at least; one that answers from memory always has
    };
    struct Counts {
        std::uint64_t looked_up = 0;  // answers given
        std::uint64_t refused_full = 0;
        std::size_t queue_length = 0;     // in front, and for all stores
        std::size_t queue_max = 0;        // in front, and for each store
        std::vector<StoreCounts> stores;  // in order
    };
    [[nodiscard]] Counts counts() const;
    // Whether check_at_start is done: every store has answered, or was found to be out.
    [[nodiscard]] bool every_store_was_asked() const;

private:
    struct Stage {
        AccountSource* source = nullptr;
        std::unique_ptr<StoreCounters> counters;  // of a store that answers from memory
        std::unique_ptr<Lane> lane;               // of one that may block
    };

    void serve_front() noexcept;
    void walk(Errand errand);
    void proceed(Errand errand, Lookup lookup);
    void answer(const Errand& errand, Lookup lookup);
    [[nodiscard]] bool has_room(core::Purpose purpose) noexcept;

    const std::function<void(Answer)> answered_;
    const std::size_t queue_max_;
    const std::size_t rechecks_max_;
    RequestRing ring_;
    std::atomic<std::size_t> rechecks_queued_{0};  // in the ring
    sem_t waiting_;  // one per request in the ring, and one to end the front
    std::atomic<bool> stopping_{false};
    // Written by several threads, so not metrics::Counter.
    std::atomic<std::uint64_t> looked_up_{0};
    std::atomic<std::uint64_t> refused_full_{0};
    std::vector<Stage> stages_;
    std::thread front_;
};

}  // namespace hpfeeds::auth
