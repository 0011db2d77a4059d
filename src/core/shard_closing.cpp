// SPDX-License-Identifier: Apache-2.0
// shard_closing.cpp: refusals, goodbyes and deadlines. A session is never freed by the call that
// found it guilty: it closes, hands out what is queued, and ends when the engine has closed its
// socket.
#include "core/shard.hpp"

#include "wire/encode.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hpfeeds::core {

// ---- refusing and closing

void Shard::refuse(Session& session, const Incident& incident, std::string_view error_text,
                   Instant now) noexcept {
    Incident told = incident;
    told.session = session.id;
    if (session.account) told.ident = session.account->ident;
    // PROTOCOL.md: these errors carry the ident of the frame; before login there is none to trust.
    IdentCounters& counters = told.reason == CloseReason::ident_mismatch
                                  ? book_.stranger(told.claimed)
                              : session.counters ? *session.counters
                                                 : book_.stranger({});
    counters.errors[static_cast<std::size_t>(told.reason)].increment();
    if (told.refusal != wire::Refusal::none)
        book_.shard.refused[static_cast<std::size_t>(told.refusal)].increment();
    const CloseReason reason = told.reason;
    tell(std::move(told));
    if (!error_text.empty()) queue_error(session, error_text);
    close(session, reason, now);
}

void Shard::close(Session& session, CloseReason reason, Instant now) noexcept {
    if (session.state == State::closing || session.state == State::ended) return;
    session.state = State::closing;
    session.close_reason = reason;
    session.rated = session.deferred = false;  // what still comes is thrown away
    book_.shard.closed[static_cast<std::size_t>(reason)].increment();
    leave_key(session);
    unsubscribe_all(session);
    if (session.output_broken) return end(session);
    const bool slow = reason == CloseReason::slow_deadline || reason == CloseReason::slow_bytes;
    start_timer(session, slow ? Timer::closing_slow : Timer::closing,
                now + (slow ? linger_slow : linger));
    if (session.queue.empty()) finish(session);
    effects_.reading.push_back(session.id);
}

// Everything is sent. A socket that is closed with unread bytes takes our last words back, so it is
// first shut on our side, and what still comes is thrown away.
void Shard::finish(Session& session) noexcept {
    if (session.peer_gone || session.close_reason == CloseReason::shutdown) return end(session);
    effects_.half_close.push_back(session.id);
}

void Shard::end(Session& session) noexcept {
    if (session.state == State::ended) return;
    assert(session.state == State::closing);
    stop_timer(session);
    if (error_category(session.close_reason).empty())
        tell_if_asked(Incident::Kind::closed, session);
    session.state = State::ended;
    book_.shard.connections.add(-1);
    if (IdentCounters* counters = session.counters) {
        counters->lost.increment();
        counters->authenticated_connections.add(-1);
        count_unsent(session);
        counters->send_buffer_bytes.add(-static_cast<std::int64_t>(session.queue.pending_bytes()));
        counters->receive_buffer_bytes.add(-static_cast<std::int64_t>(session.torn.bytes().size()));
    } else {
        book_.shard.lost_before_login.increment();
    }
    session.queue.clear();
    end_deep(session);
    session.torn.reset();
    session.ident_place = {};
    drop_routes(session);
    effects_.ended.push_back(session.id);
}

// What is queued will never be sent, whoever ends the connection: the messages of it are counted,
// our own last words are none.
void Shard::count_unsent(Session& session) noexcept {
    bytes::SendQueue::Content rest = session.queue.content();
    if (session.last_words_bytes != 0 && rest.frames != 0) {
        --rest.frames;
        rest.bytes -= std::min<std::size_t>(rest.bytes, session.last_words_bytes);
    }
    count_discarded(*session.counters, rest.frames, rest.bytes);
}

void Shard::count_discarded(IdentCounters& counters, std::size_t frames,
                            std::size_t bytes) noexcept {
    counters.discarded_frames.add(frames);
    counters.discarded_bytes.add(bytes);
}

void Shard::peer_closed(SessionId id, Instant now) noexcept {
    Session* session = find(id);
    if (!session || session->peer_gone) return;
    session->peer_gone = true;
    switch (session->state) {
        case State::greeted:
        case State::ready:
            return close(*session, CloseReason::peer_closed, now);
        case State::closing:
            if (session->queue.empty()) end(*session);
            return;
        default:
            // The key store's answer, or the delay of a refusal, is still awaited: what it sent
            // behind the AUTH counts.
            effects_.reading.push_back(id);
            return;
    }
}

void Shard::output_broken(SessionId id, Instant now) noexcept {
    (void)now;
    Session* session = find(id);
    if (!session || session->output_broken) return;
    session->output_broken = true;
    session->dirty = false;
    if (session->counters) {
        count_unsent(*session);
        session->counters->send_buffer_bytes.add(
            -static_cast<std::int64_t>(session->queue.pending_bytes()));
    }
    session->queue.clear();
    end_deep(*session);
    session->slow_due.reset();
    if (session->timer == Timer::slow) stop_timer(*session);
    unsubscribe_all(*session);
    if (session->state == State::closing) end(*session);
}

void Shard::close_all(Instant now) noexcept {
    for (const auto& session : sessions_)
        if (session->state != State::vacant) close(*session, CloseReason::shutdown, now);
}

// ---- our own frames

bytes::Slab& Shard::control_slab(std::size_t bytes) noexcept {
    if (!control_ || control_->room() < bytes) {
        if (control_) control_->release();
        control_ = pool_->take(std::max(bytes, bytes::small_slab_bytes / 2));
    }
    return *control_;
}

void Shard::queue_control(Session& session, bytes::Piece frame) noexcept {
    frame.slab->used = std::max(frame.slab->used, frame.end());
    frame.slab->add_references(1);
    if (!session.queue.push(frame, 1)) frame.slab->release();
    if (session.counters) session.counters->send_buffer_bytes.add(frame.length);
    mark_dirty(session);
}

void Shard::queue_error(Session& session, std::string_view text) noexcept {
    if (session.output_broken) return;
    text = text.substr(0, error_text_bytes_max);
    bytes::Slab& slab = control_slab(wire::error_frame_bytes(text.size()));
    const std::size_t used = wire::encode_error({slab.data() + slab.used, slab.room()}, text);
    queue_control(session, {&slab, slab.used, static_cast<std::uint32_t>(used)});
    session.last_words_bytes = static_cast<std::uint32_t>(used);
}

void Shard::tell(Incident incident) noexcept {
    if (effects_.incidents.size() < incidents_per_turn_max)
        effects_.incidents.push_back(std::move(incident));
    else
        book_.shard.untold_incidents.increment();
}

// What only --debug wants to know.
void Shard::tell_if_asked(Incident::Kind kind, const Session& session,
                          std::string_view channel) noexcept {
    if (!options_.tell_everything) return;
    Incident incident;
    incident.kind = kind;
    incident.reason = session.close_reason;
    incident.session = session.id;
    if (session.account) incident.ident = session.account->ident;
    incident.channel = channel;
    tell(std::move(incident));
}

// ---- deadlines

void Shard::start_timer(Session& session, Timer timer, Instant due) noexcept {
    stop_timer(session);
    TimerList& list = timers_[static_cast<std::size_t>(timer)];
    session.timer = timer;
    session.due = due;
    // Behind all that are due before it: that is at the end, or among those who came while it was
    // in the TLS door, which is cheap beside its handshake.
    session.timer_previous = list.last;
    while (session.timer_previous && session.timer_previous->due > due)
        session.timer_previous = session.timer_previous->timer_previous;
    Session*& before = session.timer_previous ? session.timer_previous->timer_next : list.first;
    session.timer_next = before;
    before = &session;
    (session.timer_next ? session.timer_next->timer_previous : list.last) = &session;
}

void Shard::stop_timer(Session& session) noexcept {
    if (session.timer == Timer::none) return;
    TimerList& list = timers_[static_cast<std::size_t>(session.timer)];
    (session.timer_previous ? session.timer_previous->timer_next : list.first) = session.timer_next;
    (session.timer_next ? session.timer_next->timer_previous : list.last) = session.timer_previous;
    session.timer = Timer::none;
}

std::optional<Instant> Shard::next_due() const noexcept {
    std::optional<Instant> earliest;
    for (const TimerList& list : timers_)
        if (list.first && (!earliest || list.first->due < *earliest)) earliest = list.first->due;
    if (!deferred_.empty() && (!earliest || deferred_.front().due < *earliest))
        earliest = deferred_.front().due;
    if (!rated_.empty() && (!earliest || rated_.front().due < *earliest))
        earliest = rated_.front().due;
    if (sweep_due_ && (!earliest || *sweep_due_ < *earliest)) earliest = sweep_due_;
    return earliest;
}

void Shard::tick(Instant now) noexcept {
    for (TimerList& list : timers_)
        while (list.first && list.first->due <= now)
            expire(*list.first, now);
    look_at_pace(now);
    resume_publishers(now);
    if (live_keys_.called() > 0 || (sweep_due_ && *sweep_due_ <= now)) ask_again(now);
}

void Shard::expire(Session& session, Instant now) noexcept {
    const Timer timer = session.timer;
    stop_timer(session);
    switch (timer) {
        case Timer::login:
            if (session.state == State::verifying) {
                const wire::Parsed parsed = wire::parse(session.torn.bytes(), wire::Peer::client);
                deny(session, CloseReason::store_unavailable, parsed.frame.ident, now);
            } else {
                Incident incident;
                incident.reason = CloseReason::login_deadline;
                refuse(session, incident, "First message was not AUTH", now);
            }
            return;
        case Timer::slow:
            return cut_slow(session, CloseReason::slow_deadline, now);
        case Timer::closing:
        case Timer::closing_slow:
            return end(session);
        default:
            return answer_denied(session, now);
    }
}

}  // namespace hpfeeds::core
