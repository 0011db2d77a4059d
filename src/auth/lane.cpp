// SPDX-License-Identifier: Apache-2.0
#include "auth/lane.hpp"

#include "auth/limits.hpp"
#include "auth/worker_thread.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace hpfeeds::auth {
namespace {

std::function<std::uint32_t()> fresh_chance() {
    return [random = std::mt19937(std::random_device{}())]() mutable {
        return static_cast<std::uint32_t>(random());
    };
}

Lookup known_outage() {
    return Lookup::unavailable("out; the next attempt is not due yet", Failure::out);
}

// About one key or one look-up, which may come again as often as it likes.
void tell_of_one(const char* event, const std::string& store, const Lookup& lookup) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    thread_local log::RateLimit limit{5};
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (!limit.admit(static_cast<std::uint64_t>(duration_cast<seconds>(now).count()))) return;
    log::warning(
        event,
        {{"store", store}, {"reason", lookup.reason}, {"held_back", limit.take_held_back()}});
}

}  // namespace

Lane::Lane(AccountSource& source, const Options& options, Answered answered)
    : source_(source),
      options_(options),
      answered_(std::move(answered)),
      name_(source.name()),
      gate_(options.backoff, fresh_chance()),
      workers_(options.workers) {
    if (options.check_at_start)
        queue_.emplace_back();
    else
        asked_ = true;
    try {
        for (Worker& worker : workers_)
            worker.thread = start_worker_thread("auth-worker", [this, &worker] { work(worker); });
        watch_ = start_worker_thread("auth-clock", [this] { watch(); });
    } catch (...) {
        stop();
        throw;
    }
}

Lane::~Lane() {
    stop();
}

std::optional<Failure> Lane::take(Errand& errand) {
    const Lock lock(mutex_);
    if (stopping_ || gate_.out()) {
        ++refused_while_out_;
        counters_.count_failure(Failure::out);
        return Failure::out;
    }
    const core::Purpose purpose = errand.request.purpose;
    if (!has_room(purpose)) {
        counters_.count_failure(Failure::full);
        return Failure::full;
    }
    queue_.push_back({std::move(errand), OutageGate::Pass::open});
    if (purpose == core::Purpose::recheck) ++rechecks_queued_;
    call_a_worker();
    return std::nullopt;
}

// One at a time: a storm of logins wakes the next worker only once the one before has begun, and
// found that more is left. Most often nothing is.
void Lane::call_a_worker() {
    if (called_ || resting_ == 0) return;
    called_ = true;
    work_.notify_one();
}

bool Lane::has_room(core::Purpose purpose) const {
    if (purpose == core::Purpose::recheck) return rechecks_queued_ < options_.rechecks_max;
    return queue_.size() < options_.queue_max + rechecks_queued_;
}

Lane::Job Lane::take_first() {
    Job job = std::move(queue_.front());
    queue_.pop_front();
    if (job.errand && job.errand->request.purpose == core::Purpose::recheck) --rechecks_queued_;
    return job;
}

void Lane::stop() noexcept {
    {
        const Lock lock(mutex_);
        stopping_ = true;
        queue_.clear();
        rechecks_queued_ = 0;
    }
    work_.notify_all();
    clock_.notify_all();
    for (Worker& worker : workers_)
        if (worker.thread.joinable()) worker.thread.join();
    if (watch_.joinable()) watch_.join();
}

Lane::Counts Lane::counts() const {
    const Lock lock(mutex_);
    return {counters_.values(), queue_.size(), gate_.out(), last_answer_ != Clock::time_point{}};
}

bool Lane::was_asked() const {
    const Lock lock(mutex_);
    return asked_;
}

void Lane::work(Worker& self) noexcept {
    give_way_to_messages();
    Lock lock(mutex_);
    for (;;) {
        while (!stopping_ && queue_.empty()) {
            ++resting_;
            work_.wait(lock);
            --resting_;
            called_ = false;
        }
        if (stopping_) return;
        Job job = take_first();
        if (!queue_.empty()) call_a_worker();
        if (gate_.out() && job.pass == OutageGate::Pass::open) {
            pass_on(std::move(job), lock);
        } else {
            look_up(self, std::move(job), lock);
        }
    }
}

void Lane::look_up(Worker& self, Job job, Lock& lock) {
    const std::string ident(job.errand ? job.errand->request.ident() : std::string_view());
    const Clock::time_point begun = Clock::now();
    const Clock::time_point asked =
        job.errand && job.errand->request.opened_ns != 0
            ? Clock::time_point(std::chrono::nanoseconds(job.errand->request.opened_ns))
            : begun;
    self.deadline = begun + options_.timeout + lookup_grace;
    self.job = std::move(job);
    if (clock_rests_) clock_.notify_one();

    lock.unlock();
    Lookup lookup = source_.find_as_of(ident, std::min(asked, begun));
    lock.lock();

    const Clock::time_point now = Clock::now();
    if (self.stuck) {  // given up and counted already; but now the lane has one worker more again
        self.stuck = false;
        --stuck_;
        clock_.notify_one();
        return;
    }
    Job done = *std::exchange(self.job, std::nullopt);
    counters_.count_lookup(lookup, now - begun);
    conclude(done, lookup, begun, now);
    if (!done.errand || stopping_) return;
    lock.unlock();
    answered_(std::move(*done.errand), std::move(lookup));
    lock.lock();
}

// Waited in the queue while the outage began.
void Lane::pass_on(Job job, Lock& lock) {
    if (!job.errand) return;
    ++refused_while_out_;
    counters_.count_failure(Failure::out);
    lock.unlock();
    answered_(std::move(*job.errand), known_outage());
    lock.lock();
}

void Lane::watch() noexcept {
    Lock lock(mutex_);
    while (!stopping_) {
        const Clock::time_point now = Clock::now();
        if (give_up_overdue(now, lock)) continue;
        probe_if_due(now);
        const Clock::time_point next = next_event();
        clock_rests_ = next == Clock::time_point::max();
        if (clock_rests_) {
            clock_.wait(lock);
        } else {
            clock_.wait_until(lock, next);
        }
        clock_rests_ = false;
    }
}

// True when the lock was given up meanwhile.
bool Lane::give_up_overdue(Clock::time_point now, Lock& lock) {
    const auto overdue = std::find_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
        return worker.job && worker.deadline <= now;
    });
    if (overdue != workers_.end()) {
        Job job = *std::exchange(overdue->job, std::nullopt);
        overdue->stuck = true;
        ++stuck_;
        Lookup lookup = Lookup::unavailable(
            name_ + ": no answer within " + std::to_string(options_.timeout.count()) + " ms",
            Failure::timeout);
        counters_.count_lookup(lookup, options_.timeout);
        conclude(job, lookup, overdue->deadline - options_.timeout - lookup_grace, now);
        if (!job.errand) return true;
        lock.unlock();
        answered_(std::move(*job.errand), std::move(lookup));
        lock.lock();
        return true;
    }
    // As long as one worker is left, it passes on whoever waits.
    if (stuck_ < workers_.size() || queue_.empty()) return false;
    Job job = take_first();
    if (job.pass == OutageGate::Pass::probe) gate_.failed(job.pass, now);
    pass_on(std::move(job), lock);
    return true;
}

void Lane::probe_if_due(Clock::time_point now) {
    if (!gate_.out() || stuck_ == workers_.size()) return;
    if (gate_.enter(now) != OutageGate::Pass::probe) return;
    queue_.push_front({std::nullopt, OutageGate::Pass::probe});
    call_a_worker();
}

Lane::Clock::time_point Lane::next_event() const {
    Clock::time_point next = Clock::time_point::max();
    for (const Worker& worker : workers_)
        if (worker.job) next = std::min(next, worker.deadline);
    if (gate_.out() && !gate_.probing() && stuck_ < workers_.size())
        next = std::min(next, gate_.retry_at());
    return next;
}

void Lane::conclude(const Job& job, const Lookup& lookup, Clock::time_point begun,
                    Clock::time_point now) {
    asked_ = true;
    const bool failed =
        lookup.status == Lookup::Status::unavailable && lookup.failure != Failure::row;
    if (!failed) last_answer_ = now;
    const bool slow_only =
        lookup.failure == Failure::timeout && now - last_answer_ < options_.timeout / 2;
    if (failed && slow_only && job.pass == OutageGate::Pass::open)
        return tell_of_one("a look-up took too long", name_, lookup);
    // Whoever came later was answered; should the store be gone since, the next one will find out.
    const bool broke_alone = lookup.failure == Failure::connection && last_answer_ > begun;
    if (failed && broke_alone && job.pass == OutageGate::Pass::open)
        return tell_of_one("a connection to a key store broke", name_, lookup);
    if (failed) {
        if (gate_.failed(job.pass, now)) {
            out_since_ = now;
            refused_while_out_ = 0;
            log::warning(
                "a key store cannot answer",
                {{"store", name_}, {"reason", lookup.reason}, {"kind", label(lookup.failure)}});
        }
        clock_.notify_one();  // it has a probe to send
        return;
    }
    if (lookup.status == Lookup::Status::unavailable)
        tell_of_one("a key cannot be read", name_, lookup);
    if (gate_.succeeded(job.pass)) {
        const auto out_for =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - out_since_);
        log::info("a key store answers again",
                  {{"store", name_},
                   {"out_ms", static_cast<std::int64_t>(out_for.count())},
                   {"refused", refused_while_out_}});
    }
}

}  // namespace hpfeeds::auth
