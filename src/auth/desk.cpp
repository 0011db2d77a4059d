// SPDX-License-Identifier: Apache-2.0
#include "auth/desk.hpp"

#include "auth/worker_thread.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace hpfeeds::auth {
namespace {

std::size_t checked_size(std::size_t queue_max) {
    // A ring of one place could not tell full from empty.
    if (queue_max >= 1 && queue_max <= desk_queue_max) return std::max<std::size_t>(queue_max, 2);
    throw Error("the queue of look-ups must hold 1 to " + std::to_string(desk_queue_max) +
                " requests, not " + std::to_string(queue_max));
}

void check_workers(unsigned workers) {
    if (workers >= 1 && workers <= desk_workers_max) return;
    throw Error("there must be 1 to " + std::to_string(desk_workers_max) +
                " workers for look-ups, not " + std::to_string(workers));
}

// A file that is invalid meets every login, so most of its lines are held back; the counter tells
// them all.
void report(const AccountSource& source, const std::string& reason) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    thread_local log::RateLimit limit{5};
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (!limit.admit(static_cast<std::uint64_t>(duration_cast<seconds>(now).count()))) return;
    log::warning(
        "a key store cannot answer",
        {{"store", source.name()}, {"reason", reason}, {"held_back", limit.take_held_back()}});
}

}  // namespace

Desk::Desk(std::vector<AccountSource*> sources, const Options& options,
           std::function<void(Answer)> answered)
    : answered_(std::move(answered)),
      queue_max_(checked_size(options.queue_max)),
      rechecks_max_(options.rechecks_max),
      ring_(queue_max_ + rechecks_max_) {
    check_workers(options.workers);
    sem_init(&waiting_, 0, 0);
    try {
        const Lane::Options of_lane{options.workers, options.queue_max,
                                    options.timeout, options.check_at_start,
                                    options.backoff, options.rechecks_max};
        for (AccountSource* source : sources)
            stages_.push_back({source, std::make_unique<StoreCounters>(), nullptr});
        for (Stage& stage : stages_)
            if (!stage.source->answers_from_memory())
                stage.lane = std::make_unique<Lane>(
                    *stage.source, of_lane, [this](Errand errand, Lookup lookup) {
                        proceed(std::move(errand), std::move(lookup));
                    });
        front_ = start_worker_thread("auth-front", [this] { serve_front(); });
    } catch (const std::system_error& error) {
        stop();
        sem_destroy(&waiting_);
        throw Error(std::string("cannot start a thread for look-ups: ") + error.what());
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
    sem_post(&waiting_);  // enters the kernel only when the front sleeps
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
    sem_post(&waiting_);
    if (front_.joinable()) front_.join();
    for (Stage& stage : stages_)
        if (stage.lane) stage.lane->stop();
}

void Desk::serve_front() noexcept {
    give_way_to_messages();
    Errand errand;
    for (;;) {
        while (sem_wait(&waiting_) != 0) {  // interrupted
        }
        if (stopping_.load(std::memory_order_relaxed)) return;
        // The post that woke us may belong to a push that was overtaken by one still being written:
        // that one is ahead of it in the ring, and done in some nanoseconds.
        while (!ring_.pop(errand.request))
            std::this_thread::yield();
        if (errand.request.purpose == core::Purpose::recheck)
            rechecks_queued_.fetch_sub(1, std::memory_order_relaxed);
        walk(errand);
    }
}

// Asks one store after the other, until a lane takes the errand over or somebody has answered.
void Desk::walk(Errand errand) {
    while (errand.stage < stages_.size()) {
        Stage& stage = stages_[errand.stage];
        if (!stage.lane) {
            Lookup lookup = stage.source->find(errand.request.ident());
            stage.counters->count_lookup(lookup, {});
            if (lookup.status == Lookup::Status::unavailable) report(*stage.source, lookup.reason);
            return proceed(std::move(errand), std::move(lookup));
        }
        const auto refused = stage.lane->take(errand);
        if (!refused) return;
        errand.unsure = true;
        errand.reasons.append(errand.reasons.empty() ? "" : "; ");
        errand.reasons.append(stage.source->name()).append(": ").append(label(*refused));
        ++errand.stage;
    }
    answer(errand,
           errand.unsure ? Lookup::unavailable(std::move(errand.reasons)) : Lookup::absent());
}

// What the store of the errand's stage said: the end, or on to the next.
void Desk::proceed(Errand errand, Lookup lookup) {
    if (lookup.status == Lookup::Status::found) {
        lookup.degraded = errand.unsure;
        return answer(errand, std::move(lookup));
    }
    if (lookup.status == Lookup::Status::unavailable) {
        errand.unsure = true;
        errand.reasons.append(errand.reasons.empty() ? "" : "; ").append(lookup.reason);
    }
    ++errand.stage;
    walk(std::move(errand));
}

void Desk::answer(const Errand& errand, Lookup lookup) {
    looked_up_.fetch_add(1, std::memory_order_relaxed);
    if (stopping_.load(std::memory_order_relaxed)) return;
    const Request& request = errand.request;
    answered_({request.shard, request.session_index, request.session_generation, request.purpose,
               std::move(lookup), request.opened_ns});
}

bool Desk::every_store_was_asked() const {
    return std::all_of(stages_.begin(), stages_.end(),
                       [](const Stage& stage) { return !stage.lane || stage.lane->was_asked(); });
}

Desk::Counts Desk::counts() const {
    Counts counts{looked_up_.load(std::memory_order_relaxed),
                  refused_full_.load(std::memory_order_relaxed),
                  ring_.size(),
                  queue_max_,
                  {}};
    for (const Stage& stage : stages_) {
        StoreCounts store{stage.source->name(), stage.counters->values(), 0, false, true};
        if (stage.lane) {
            const Lane::Counts lane = stage.lane->counts();
            store = {stage.source->name(), lane.store, lane.queue_length, lane.out, lane.answered};
        }
        counts.queue_length += store.queue_length;
        counts.stores.push_back(std::move(store));
    }
    return counts;
}

}  // namespace hpfeeds::auth
