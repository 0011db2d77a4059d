// SPDX-License-Identifier: Apache-2.0
// shard_pace.cpp: publishers wait, for moments, for readers that keep up.
//
// A broker that reads as fast as publishers write can always take in more than it can hand out many
// times over: every subscriber would run into its cap, and be cut for our haste. So while a
// subscriber has much queued and still would catch up within a second at the pace it takes bytes,
// publishers are read from a little at a time. That slows floods by the kernel's own flow control,
// and loses nothing.
//
// A subscriber that stands still, or that could not catch up, is slow: nobody waits for it, and
// shard_flow.cpp deals with it alone. A publisher is never kept waiting for longer than
// limits.hpp's `deferral` between two reads.
#include "core/shard.hpp"

#include <algorithm>
#include <cstdint>

namespace hpfeeds::core {

bool Shard::admits(SessionId id, Instant now) noexcept {
    Session* session = find(id);
    if (!session || session->deferred) return false;
    const bool publishes = session->last_route != nullptr;
    if (!publishes || session->admitted || session->state != State::ready) return true;
    if (crowding_.empty() && !others_crowded_) return true;
    session->deferred = true;
    deferred_.push_back({id, now + deferral});
    effects_.reading.push_back(id);
    return false;
}

// One that has not taken a byte since its queue grew long may stand still: until that is known
// nobody waits for it, if what it lets us queue allows.
void Shard::begin_crowding(Session& session, bool just_now, Instant now) noexcept {
    if (session.state != State::ready) return;
    if (session.too_slow) {
        if (!has_found_its_pace(session, now)) return;
    } else if (just_now) {
        watch_pace(session, now);
    }
    const bool moves = session.pace_bytes > 0;
    if (!moves && session.queue.pending_bytes() < doubted_bytes_) {
        const auto watched = now - session.pace_since;
        session.too_slow = watched >= pace_window && !machine_stands_still(session, watched);
        return;
    }
    session.too_slow = false;
    session.crowding = true;
    crowding_.push_back(session.id);
    if (moves) watch_pace(session, now);
}

// Nobody took anything, so it need not be this reader.
bool Shard::machine_stands_still(const Session& session, Instant::duration watched) const noexcept {
    return book_.shard.delivered_bytes.value() == session.pace_mark && watched < pace_window_max;
}

void Shard::watch_pace(Session& session, Instant now) noexcept {
    session.pace_since = now;
    session.pace_bytes = 0;
    session.pace_mark = book_.shard.delivered_bytes.value();
}

// Whether it would be through its queue within catch_up_max at the pace of the present look.
bool Shard::could_catch_up(const Session& session, Instant now) const noexcept {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    const auto watched_us = duration_cast<microseconds>(now - session.pace_since).count();
    const auto catch_up_us = duration_cast<microseconds>(catch_up_max).count();
    const auto looks =
        static_cast<std::size_t>(catch_up_us / std::max<std::int64_t>(watched_us, 1));
    return session.queue.pending_bytes() <= session.pace_bytes * (looks + 1);
}

bool Shard::still_crowds(Session& session, Instant now) noexcept {
    if (session.state != State::ready || session.queue.pending_bytes() < crowding_bytes_ / 2)
        return false;
    const auto watched = now - session.pace_since;
    if (watched < pace_window) return true;  // until then it has the benefit of the doubt
    if (machine_stands_still(session, watched)) return true;
    session.too_slow = !could_catch_up(session, now);
    watch_pace(session, now);
    return !session.too_slow;
}

// A slow one is looked at again and again: a busy machine may have kept it from reading for longer
// than a look.
bool Shard::has_found_its_pace(Session& session, Instant now) noexcept {
    if (session.pace_bytes >= crowding_bytes_ / 4 && could_catch_up(session, now)) return true;
    if (now - session.pace_since >= pace_window) watch_pace(session, now);
    return false;
}

// Forgets who has caught up, or never will.
void Shard::look_at_crowding(Instant now) noexcept {
    std::size_t kept = 0;
    for (const SessionId id : crowding_) {
        Session* session = find(id);
        if (session && still_crowds(*session, now))
            crowding_[kept++] = id;
        else if (session)
            session->crowding = false;
    }
    crowding_.resize(kept);
}

// When nobody is left, publishers are read from again. Otherwise those go on whose time has come.
void Shard::look_at_pace(Instant now) noexcept {
    look_at_crowding(now);
    const bool crowded = !crowding_.empty() || others_crowded_;
    auto next = deferred_.begin();
    for (; next != deferred_.end() && (!crowded || next->due <= now); ++next)
        if (Session* session = find(next->session)) {
            session->deferred = false;
            session->admitted = crowded;
            effects_.reading.push_back(session->id);
        }
    deferred_.erase(deferred_.begin(), next);
}

}  // namespace hpfeeds::core
