// SPDX-License-Identifier: Apache-2.0
#include "auth/desk.hpp"

#include "auth/worker_thread.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

namespace hpfeeds::auth {
namespace {

std::size_t checked_size(std::size_t queue_max) {
    if (queue_max >= 2 && queue_max <= desk_queue_max) return queue_max;
    throw Error("the queue of look-ups must hold 2 to " + std::to_string(desk_queue_max) +
                " requests, not " + std::to_string(queue_max));
}

std::uint64_t steady_clock_ns() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

Desk::Desk(AccountSource& source, unsigned workers, std::size_t queue_max,
           std::function<void(Answer)> answered, std::size_t rechecks_max)
    : source_(source),
      answered_(std::move(answered)),
      queue_max_(checked_size(queue_max)),
      rechecks_max_(rechecks_max),
      ring_(queue_max + rechecks_max) {
    if (workers == 0 || workers > desk_workers_max)
        throw Error("there must be 1 to " + std::to_string(desk_workers_max) +
                    " workers for look-ups, not " + std::to_string(workers));
    sem_init(&waiting_, 0, 0);
    try {
        for (unsigned started = 0; started < workers; ++started)
            workers_.push_back(start_worker_thread("auth-worker", [this] { work(); }));
    } catch (const std::system_error& error) {
        stop();
        sem_destroy(&waiting_);
        throw Error(std::string("cannot start a worker for look-ups: ") + error.what());
    }
}

Desk::~Desk() {
    stop();
    sem_destroy(&waiting_);
}

bool Desk::submit(const Request& request) noexcept {
    if (stopping_.load(std::memory_order_relaxed)) return false;
    if (!has_room(request.purpose)) return false;
    if (!ring_.push(request)) {
        if (request.purpose == core::Purpose::recheck)
            rechecks_queued_.fetch_sub(1, std::memory_order_relaxed);
        else
            refused_full_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    sem_post(&waiting_);  // enters the kernel only when a worker sleeps
    return true;
}

bool Desk::has_room(core::Purpose purpose) noexcept {
    if (purpose == core::Purpose::recheck) {
        if (rechecks_queued_.fetch_add(1, std::memory_order_relaxed) < rechecks_max_) return true;
        rechecks_queued_.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    if (ring_.size() < queue_max_ + rechecks_queued_.load(std::memory_order_relaxed)) return true;
    refused_full_.fetch_add(1, std::memory_order_relaxed);
    return false;
}

void Desk::stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    for (std::size_t worker = 0; worker < workers_.size(); ++worker)
        sem_post(&waiting_);
    for (std::thread& worker : workers_)
        worker.join();
    workers_.clear();
}

void Desk::work() noexcept {
    Request request;
    for (;;) {
        while (sem_wait(&waiting_) != 0) {  // interrupted
        }
        if (stopping_.load(std::memory_order_relaxed)) return;
        // The post that woke us may belong to a push that was overtaken by one still being written:
        // that one is ahead of it in the ring, and done in some nanoseconds.
        while (!ring_.pop(request))
            std::this_thread::yield();
        if (request.purpose == core::Purpose::recheck)
            rechecks_queued_.fetch_sub(1, std::memory_order_relaxed);
        count_wait(request.opened_ns);
        Lookup lookup = source_.find(request.ident());
        looked_up_.fetch_add(1, std::memory_order_relaxed);
        if (stopping_.load(std::memory_order_relaxed)) return;
        answered_({request.shard, request.session_index, request.session_generation,
                   request.purpose, std::move(lookup)});
    }
}

void Desk::count_wait(std::uint64_t opened_ns) noexcept {
    const std::uint64_t now_ns = steady_clock_ns();
    if (opened_ns == 0 || opened_ns > now_ns) return;
    const std::uint64_t waited_ns = now_ns - opened_ns;
    queued_ns_sum_.fetch_add(waited_ns, std::memory_order_relaxed);
    std::uint64_t longest = queued_ns_max_.load(std::memory_order_relaxed);
    while (longest < waited_ns &&
           !queued_ns_max_.compare_exchange_weak(longest, waited_ns, std::memory_order_relaxed)) {
    }
}

Desk::Counts Desk::counts() const noexcept {
    return {looked_up_.load(std::memory_order_relaxed),
            refused_full_.load(std::memory_order_relaxed), ring_.size(),
            queued_ns_sum_.load(std::memory_order_relaxed),
            queued_ns_max_.load(std::memory_order_relaxed)};
}

}  // namespace hpfeeds::auth
