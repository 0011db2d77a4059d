// SPDX-License-Identifier: Apache-2.0
// lane.hpp: one key store that may block, behind a queue, workers and an outage gate of its own: a
// bulkhead. Whatever the store does, nobody waits who did not ask it.
//
// take() hands an errand over, or says at once why not: the queue is full, or the store is out.
// What was taken is answered once: with what the store said, or with "cannot tell" when a look-up
// is under way for longer than the timeout. Its worker may then be stuck, until the driver gives
// up; the errand is not. The first failure begins an outage: whoever waits in the queue is passed
// on, and while it lasts the lane itself asks from time to time, so that no login is the one that
// waits for a store which is still out. A key that cannot be read (Failure::row) is no outage,
// nor is one look-up that takes too long while others are answered, or whose connection breaks when
// others that began later have been answered.
//
// Threads  take() and counts(): any. `answered` is called on threads of the lane, several at once,
//          must not throw, and may call take() of another lane. stop() and the destructor: the
//          owner; nothing is answered after stop() has returned.
// Errors   std::system_error when a thread cannot be started.
#pragma once

#include "auth/account_source.hpp"
#include "auth/outage_gate.hpp"
#include "auth/request_ring.hpp"
#include "auth/store_counters.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::auth {

// A request on its way along the stores.
struct Errand {
    Request request;
    std::size_t stage = 0;  // which store is asked, or asked next
    bool unsure = false;    // an earlier one could not tell
    std::string reasons;    // why
};

class Lane {
public:
    using Clock = OutageGate::Clock;
    struct Options {
        unsigned workers = 1;
        std::size_t queue_max = 1;
        std::chrono::milliseconds timeout{2'000};
        // Asks once before anybody does, so that a store that is out is told at the start.
        bool check_at_start = false;
        OutageGate::Limits backoff{};
        std::size_t rechecks_max = 0;  // that wait, beside queue_max logins
    };
    using Answered = std::function<void(Errand, Lookup)>;

    // Requires: `source` outlives the lane.
    Lane(AccountSource& source, const Options& options, Answered answered);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane();

    // Nothing when the errand was taken; else why not, counted, and the errand is as it was.
    [[nodiscard]] std::optional<Failure> take(Errand& errand);

    // Drops what waits and the answers of what is under way, which it waits for.
    void stop() noexcept;

    struct Counts {
        StoreCounters::Values store;
        std::size_t queue_length = 0;
        bool out = false;
        bool answered = false;  // once at least
    };
    [[nodiscard]] Counts counts() const;
    // Whether the look-up of check_at_start has ended, in whichever way; true without it.
    [[nodiscard]] bool was_asked() const;

private:
    // A look-up for somebody, or one that only asks whether the store answers.
    struct Job {
        std::optional<Errand> errand;
        OutageGate::Pass pass = OutageGate::Pass::open;
    };
    struct Worker {
        std::optional<Job> job;  // nothing: at rest, or given up by the clock
        Clock::time_point deadline;
        bool stuck = false;
        std::thread thread;
    };
    using Lock = std::unique_lock<std::mutex>;

    [[nodiscard]] bool has_room(core::Purpose purpose) const;
    [[nodiscard]] Job take_first();
    void call_a_worker();
    void work(Worker& self) noexcept;
    void look_up(Worker& self, Job job, Lock& lock);
    void pass_on(Job job, Lock& lock);
    void watch() noexcept;
    [[nodiscard]] bool give_up_overdue(Clock::time_point now, Lock& lock);
    void probe_if_due(Clock::time_point now);
    [[nodiscard]] Clock::time_point next_event() const;
    void conclude(const Job& job, const Lookup& lookup, Clock::time_point begun,
                  Clock::time_point now);

    AccountSource& source_;
    const Options options_;
    const Answered answered_;
    const std::string name_;
    StoreCounters counters_;

    mutable std::mutex mutex_;  // guards all below; never held while a store is asked
    std::condition_variable work_;
    std::condition_variable clock_;
    std::deque<Job> queue_;
    std::size_t rechecks_queued_ = 0;  // of them
    OutageGate gate_;
    Clock::time_point last_answer_{};
    Clock::time_point out_since_{};
    std::uint64_t refused_while_out_ = 0;
    std::size_t stuck_ = 0;
    std::size_t resting_ = 0;   // workers that wait for work
    bool called_ = false;       // one of them was woken and has not begun yet
    bool clock_rests_ = false;  // it waits for a look-up to begin
    bool asked_ = false;
    bool stopping_ = false;
    std::vector<Worker> workers_;
    std::thread watch_;
};

}  // namespace hpfeeds::auth
