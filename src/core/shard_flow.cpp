// SPDX-License-Identifier: Apache-2.0
// shard_flow.cpp: slow subscribers and scarce memory.
//
// Three marks for what is queued for one subscriber: the high mark starts the documented deadline,
// the low mark (a quarter of it) ends it, and the hard cap is where the policy acts at once, so
// that memory stays bounded meanwhile. A fourth, for all message memory of the broker, takes from
// whoever holds the most. Nobody else is slowed by any of them: publishers are not paused, and a
// slow subscriber is still read from (client-quirks 18, 19, 20).
#include "core/shard.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hpfeeds::core {

// Whether `run` may be queued now. If not, it was dropped or its subscriber was cut.
bool Shard::make_room(Session& session, const Run& run, Instant now) noexcept {
    const std::size_t length = run.piece.length;
    const std::size_t cap = options_.limits.subscriber_bytes_max;
    const bool over_cap = session.queue.pending_bytes() + length > cap;
    switch (options_.limits.slow_policy) {
        case SlowPolicy::disconnect:
            if (!over_cap)
                return true;  // only memory is scarce: relieve_memory() looks for the largest
                              // holder
            count_discarded(*session.counters, run.frames, length);
            cut_slow(session, CloseReason::slow_bytes, now);
            return false;
        case SlowPolicy::drop_oldest:
            if (length <= cap) {
                // What must go for the cap; when memory is scarce, as much as comes.
                const std::size_t wanted =
                    over_cap ? session.queue.pending_bytes() + length - cap : length;
                const auto dropped = session.queue.drop_oldest(wanted);
                count_dropped(session, dropped.frames, dropped.bytes);
                session.counters->send_buffer_bytes.add(-static_cast<std::int64_t>(dropped.bytes));
                queue_shortened(session);
                if (session.queue.pending_bytes() + length <= cap) return true;
            }
            [[fallthrough]];  // not even an empty queue has room for it
        case SlowPolicy::drop_newest:
            count_dropped(session, run.frames, length);
            return false;
    }
    return false;
}

// A slab is held whole by whoever waits for a part of it. While one alone has much queued, or all
// who have may take their cap of this shard's part of a quarter of message memory, each gets copies
// that lie side by side; when they are more, they share what they wait for.
bool Shard::copies_all(const Session& session, std::size_t length) const noexcept {
    if (!session.deep || length >= bytes::slab_bytes) return false;
    const std::size_t copied_max = pool_->budget().bytes_max() / options_.shard_count / 4;
    return deep_count_ == 1 || deep_count_ * options_.limits.subscriber_bytes_max <= copied_max;
}

// Its queue got shorter. With nothing left of it the engine will find nothing to send, and what
// comes next must be announced anew.
void Shard::queue_shortened(Session& session) noexcept {
    if (session.queue.empty()) session.dirty = false;
    if (session.queue.pending_bytes() < crowding_bytes_ / 2) end_deep(session);
}

void Shard::end_deep(Session& session) noexcept {
    if (std::exchange(session.deep, false)) --deep_count_;
}

void Shard::count_dropped(Session& session, std::size_t frames, std::size_t bytes) noexcept {
    if (frames == 0) return;
    session.counters->dropped_frames.add(frames);
    session.counters->dropped_bytes.add(bytes);
    if (session.dropping) return;  // told once, until its queue has been empty
    session.dropping = true;
    Incident incident;
    incident.kind = Incident::Kind::frames_dropped;
    incident.session = session.id;
    incident.ident = session.account->ident;
    incident.frames = frames;
    incident.bytes = bytes;
    tell(std::move(incident));
}

void Shard::over_high_mark(Session& session, Instant now) noexcept {
    if (session.timer != Timer::none || session.state != State::ready) return;
    // A policy that drops never cuts: the subscriber may stay as late as it likes (client-quirk
    // 18).
    if (options_.limits.slow_policy != SlowPolicy::disconnect) return;
    session.counters->deadline_start.increment();
    session.slow_due = now + options_.limits.slow_deadline;
    start_timer(session, Timer::slow, *session.slow_due);
    Incident incident;
    incident.kind = Incident::Kind::slow_started;
    incident.session = session.id;
    incident.ident = session.account->ident;
    incident.bytes = session.queue.pending_bytes();
    tell(std::move(incident));
}

void Shard::below_low_mark(Session& session) noexcept {
    session.slow_due.reset();
    if (session.timer == Timer::slow) stop_timer(session);
    session.counters->deadline_recover.increment();
    Incident incident;
    incident.kind = Incident::Kind::slow_recovered;
    incident.session = session.id;
    incident.ident = session.account->ident;
    incident.bytes = session.queue.pending_bytes();
    tell(std::move(incident));
}

// The ERROR goes behind the backlog; a peer that still does not read is cut when the linger time is
// over.
void Shard::cut_slow(Session& session, CloseReason reason, Instant now) noexcept {
    Incident incident;
    incident.reason = reason;
    incident.bytes = session.queue.pending_bytes();
    refuse(session, incident, "Backpressure deadline timer expired", now);
}

// What of the message memory this session alone keeps from others: its backlog, and a large frame
// it has begun to send.
std::size_t Shard::held_bytes(const Session& session) const noexcept {
    if (session.state == State::vacant) return 0;
    const bytes::Slab* torn = session.torn.piece().slab;
    const std::size_t receiving = torn && torn->capacity > bytes::slab_bytes ? torn->capacity : 0;
    return session.queue.pending_bytes() + receiving;
}

void Shard::relieve_memory(Instant now) noexcept {
    while (pool_->budget().exceeded()) {
        Session* largest = nullptr;
        std::size_t largest_bytes =
            bytes::slab_bytes;  // less than a slab is not worth a connection
        for (const auto& session : sessions_) {
            const std::size_t held = held_bytes(*session);
            if (held > largest_bytes) {
                largest = session.get();
                largest_bytes = held;
            }
        }
        if (!largest) return;
        const bool backlog = largest->queue.pending_bytes() > bytes::slab_bytes;
        if (backlog && largest->state == State::ready &&
            options_.limits.slow_policy != SlowPolicy::disconnect) {
            const auto dropped = largest->queue.drop_oldest(largest->queue.pending_bytes() / 2);
            largest->counters->send_buffer_bytes.add(-static_cast<std::int64_t>(dropped.bytes));
            count_dropped(*largest, dropped.frames, dropped.bytes);
            queue_shortened(*largest);
            if (dropped.frames) continue;
        }
        // Its backlog goes at once, but for the frame that is under way: it ends between two frames
        // (client-quirk 21).
        if (largest->state == State::closing) {
            end(*largest);
            continue;
        }
        const auto dropped = largest->queue.drop_unsent();
        if (largest->counters) {
            largest->counters->send_buffer_bytes.add(-static_cast<std::int64_t>(dropped.bytes));
            count_discarded(*largest->counters, dropped.frames, dropped.bytes);
        }
        queue_shortened(*largest);
        keep_rest(*largest, {});
        cut_slow(*largest, CloseReason::memory, now);
    }
}

bool Shard::sweep_torn_tails() noexcept {
    std::size_t kept = 0;
    for (const SessionId id : torn_tails_) {
        Session* session = find(id);
        if (!session || session->torn.empty()) {
            if (session) session->tail_listed = false;
            continue;
        }
        if (session->tail_aged) {
            read_buffer_.compact(session->torn);
            session->tail_listed = false;
            continue;
        }
        session->tail_aged = true;
        torn_tails_[kept++] = id;
    }
    torn_tails_.resize(kept);
    return kept != 0;
}

}  // namespace hpfeeds::core
