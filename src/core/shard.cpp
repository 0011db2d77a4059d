// SPDX-License-Identifier: Apache-2.0
#include "core/shard.hpp"

#include "wire/encode.hpp"
#include "wire/parser.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace hpfeeds::core {

namespace {

std::size_t crowding_bytes_of(const Limits& limits) noexcept {
    return std::min(crowding_bytes, limits.slow_high_bytes / 2);
}

std::size_t doubted_bytes_of(const Limits& limits) noexcept {
    return std::min(doubted_bytes, limits.slow_high_bytes / 2);
}

}  // namespace

Shard::Shard(ShardOptions options, bytes::SlabPool& pool)
    : options_(std::move(options)),
      frame_bytes_max_(options_.limits.handed_out_bytes_max()),
      crowding_bytes_(crowding_bytes_of(options_.limits)),
      doubted_bytes_(doubted_bytes_of(options_.limits)),
      pool_(&pool),
      read_buffer_(pool),
      book_(options_.counted_names, options_.hash_key),
      channels_(options_.wildcards ? std::uint64_t{1} << options_.shard : 0) {
    assert(options_.broker_name.size() <= wire::string_bytes_max);
    assert(options_.shard_count <= shards_max);
}

// frame_bytes_max_ stays: what comes from other shards was checked against it.
void Shard::retune(const Limits& limits, bool tell_everything) noexcept {
    const Limits before = options_.limits;
    options_.limits = limits;
    options_.limits.publish_frame_bytes_max = before.publish_frame_bytes_max;
    options_.limits.delivered_frame_bytes_max = before.delivered_frame_bytes_max;
    options_.tell_everything = tell_everything;
    crowding_bytes_ = crowding_bytes_of(options_.limits);
    doubted_bytes_ = doubted_bytes_of(options_.limits);
    if (!options_.publish_rates) return;
    const std::uint32_t rates = options_.publish_rates->generation();
    if (std::exchange(rates_generation_, rates) != rates) begin_rates_again();
}

Shard::~Shard() {
    for (const auto& session : sessions_) {
        if (session->state == State::vacant) continue;
        unsubscribe_all(*session);
        drop_routes(*session);
    }
    sessions_.clear();
    if (control_) control_->release();
}

Session* Shard::find(SessionId id) const noexcept {
    if (id.index >= sessions_.size()) return nullptr;
    Session* session = sessions_[id.index].get();
    return session->id == id && session->state != State::vacant ? session : nullptr;
}

Session& Shard::vacant_session() noexcept {
    if (vacant_.empty()) {
        auto added = std::make_unique<Session>(nodes_);
        added->id.index = static_cast<std::uint32_t>(sessions_.size());
        sessions_.push_back(std::move(added));
        return *sessions_.back();
    }
    Session& session = *sessions_[vacant_.back()];
    vacant_.pop_back();
    return session;
}

SessionId Shard::open(const wire::Nonce& nonce, Instant accepted_at,
                      EndpointRights endpoint) noexcept {
    Session& session = vacant_session();
    ++session_count_;
    session.state = State::greeted;
    session.nonce = nonce;
    session.endpoint = endpoint;
    book_.shard.made.increment();
    book_.shard.connections.add(1);

    bytes::Slab& slab =
        control_slab(wire::info_frame_bytes(options_.broker_name.size(), nonce.size()));
    const std::size_t used =
        wire::encode_info({slab.data() + slab.used, slab.room()}, options_.broker_name, nonce);
    queue_control(session, {&slab, slab.used, static_cast<std::uint32_t>(used)});
    start_timer(session, Timer::login, accepted_at + options_.limits.login_deadline);
    return session.id;
}

void Shard::set_origin(SessionId id, std::uint64_t origin) noexcept {
    if (Session* session = find(id)) session->origin = origin;
}

void Shard::forget(SessionId id) noexcept {
    Session* session = find(id);
    if (!session) return;
    assert(session->state == State::ended);
    const std::uint32_t generation = session->id.generation + 1;
    std::destroy_at(session);
    std::construct_at(session, nodes_);
    session->id = {id.index, generation};
    vacant_.push_back(id.index);
    --session_count_;
}

// ---- reading

bool Shard::wants_reading(SessionId id) const noexcept {
    const Session* session = find(id);
    if (!session || session->peer_gone || session->deferred) return false;
    return session->hears() || session->state == State::closing;
}

bool Shard::awaits_verdict(SessionId id) const noexcept {
    const Session* session = find(id);
    return session && session->state == State::verifying;
}

std::span<std::byte> Shard::read_room(SessionId id) noexcept {
    Session* session = find(id);
    if (!session) return {};
    const auto torn = session->torn.bytes();
    const std::size_t frame_bytes =
        torn.size() >= wire::header_bytes ? wire::read_u32(torn.data()) : 0;
    const auto room = read_buffer_.prepare(session->torn, frame_bytes);
    if (session->rated)
        return room.first(std::min(room.size(), options_.publish_rates->read_bytes_max()));
    if (session->state == State::ready || session->state == State::closing)
        return session->admitted ? room.first(std::min(room.size(), deferred_read_bytes_max))
                                 : room;
    return room.first(std::min(room.size(), read_before_login_bytes_max));
}

void Shard::received(SessionId id, std::size_t count, Instant now) noexcept {
    Session* session = find(id);
    if (!session) return;
    const bytes::Piece unread = read_buffer_.commit(count);
    session->admitted = false;
    if (session->state == State::ready) session->counters->receive_buffer_fill.add(count);
    if (session->state == State::closing) {
        keep_rest(*session, {});
        session->ignored_bytes += static_cast<std::uint32_t>(count);
        if (session->ignored_bytes > ignored_bytes_max && session->queue.empty()) end(*session);
        return;
    }
    if (!session->rated) return read_frames(*session, unread, now);
    const std::uint64_t frames_before = book_.shard.published_frames.value();
    read_frames(*session, unread, now);
    if (session->rated)  // it may have ended
        spend(*session, book_.shard.published_frames.value() - frames_before, count, now);
}

void Shard::read_frames(Session& session, bytes::Piece unread, Instant now) noexcept {
    const std::uint32_t taken = take_frames(session, unread, now);
    keep_rest(session, {unread.slab, unread.offset + taken, unread.length - taken});
}

void Shard::keep_rest(Session& session, bytes::Piece rest) noexcept {
    const std::size_t before = session.torn.bytes().size();
    if (session.state == State::closing || session.state == State::ended) rest.length = 0;
    read_buffer_.keep(session.torn, rest);
    if (session.counters && rest.length != before)
        session.counters->receive_buffer_bytes.add(static_cast<std::int64_t>(rest.length) -
                                                   static_cast<std::int64_t>(before));
    if (rest.length == 0) return;
    session.tail_aged = false;
    // Who has not logged in, or waits for a key store, may wait long: it shall not pin what others
    // read into.
    if (session.state != State::ready) {
        read_buffer_.compact(session.torn);
    } else if (!session.tail_listed) {
        session.tail_listed = true;
        torn_tails_.push_back(session.id);
    }
}

// The route of the PUBLISH that begins at `frame`, if all of it is there and its head is that of a
// route that the session has: one compare of ident and channel together for the same one as before,
// another for the one that followed it the last time, else a look-up. Null: let the parser see what
// it is. Requires: `unread_bytes` of at least a header.
Route* Shard::known_route(const Session& session, const std::byte* frame,
                          std::size_t unread_bytes) const noexcept {
    Route* const last = session.last_route;
    const std::uint32_t length = wire::read_u32(frame);
    if (!last || frame[4] != std::byte{static_cast<std::uint8_t>(wire::Opcode::publish)} ||
        length > unread_bytes || length > frame_bytes_max_)
        return nullptr;
    const auto is_of = [&](const Route& route) {
        return length >= wire::header_bytes + route.head.size() &&
               std::memcmp(frame + wire::header_bytes, route.head.data(), route.head.size()) == 0;
    };
    if (is_of(*last)) return last;
    if (last->next && is_of(*last->next)) return last->next;
    std::size_t at = wire::header_bytes;
    if (at >= length) return nullptr;
    at += 1 + std::to_integer<std::size_t>(frame[at]);  // the ident
    if (at >= length) return nullptr;
    const auto channel_bytes = std::to_integer<std::size_t>(frame[at++]);
    if (at + channel_bytes > length) return nullptr;
    Route* const other =
        session.routes.find({reinterpret_cast<const char*>(frame + at), channel_bytes});
    if (!other || !is_of(*other)) return nullptr;
    last->next = other;
    return other;
}

// Carries out the whole frames of `unread`; returns how many bytes they took.
//
// The first branch is where the broker spends its time: a PUBLISH on a channel that the session has
// used before joins the run, or begins the next. Everything else is parsed.
std::uint32_t Shard::take_frames(Session& session, bytes::Piece unread, Instant now) noexcept {
    const std::byte* const base = unread.slab->data();
    const std::uint32_t end = unread.end();
    std::uint32_t at = unread.offset;
    const wire::Limits wire_limits{options_.limits.publish_frame_bytes_max};
    Run run{{unread.slab, at, 0}};

    while (session.hears() && end - at >= wire::header_bytes) {
        const std::byte* const frame_at = base + at;
        if (Route* const route = known_route(session, frame_at, end - at)) {
            if (run.route != route) {
                this->route(run, now);
                if (!session.hears()) break;  // fan-out may cut the publisher, who listens too
                run = Run{{unread.slab, at, 0}, route, 0, 0};
            }
            session.last_route = route;
            const std::uint32_t length = wire::read_u32(frame_at);
            const std::size_t payload_bytes = length - wire::header_bytes - route->head.size();
            route->counters->count_payload(payload_bytes);
            run.piece.length += length;
            run.frames += 1;
            run.payload_bytes += payload_bytes;
            at += length;
            continue;
        }

        const wire::Parsed parsed = wire::parse(
            {frame_at, end - at},
            session.account ? wire::Peer::client : wire::Peer::client_before_login, wire_limits);
        if (parsed.outcome == wire::Parsed::Outcome::incomplete) break;
        if (parsed.outcome == wire::Parsed::Outcome::frame &&
            parsed.frame.opcode == wire::Opcode::publish && session.state == State::ready) {
            this->route(run, now);
            if (!session.hears()) break;
            session.last_route = find_route(session, parsed.frame, now);
            if (session.last_route && parsed.frame.frame_bytes > frame_bytes_max_) {
                leave_undelivered(session, parsed.frame);
                at += static_cast<std::uint32_t>(parsed.frame.frame_bytes);
            }
            continue;  // with its route known the frame takes the first branch; refused, it ends
                       // the loop
        }
        this->route(run, now);
        if (!session.hears()) break;
        if (parsed.outcome == wire::Parsed::Outcome::refused) {
            Incident incident;
            incident.reason = CloseReason::protocol_error;
            incident.refusal = parsed.refusal;
            refuse(session, incident, {}, now);
            break;
        }
        handle(session, parsed.frame, now);
        if (session.state == State::verifying) break;  // the AUTH stays, with what is behind it
        at += static_cast<std::uint32_t>(parsed.frame.frame_bytes);
    }
    this->route(run, now);
    return at - unread.offset;
}

// Its sender may publish it, and nobody is to get it.
void Shard::leave_undelivered(Session& session, const wire::Frame& frame) noexcept {
    ChannelCounters& counters = *session.last_route->counters;
    counters.count_payload(frame.payload.size());
    counters.payload_bytes.add(frame.payload.size());
    book_.shard.published_frames.increment();
    book_.shard.undelivered_frames.increment();
    Incident incident;
    incident.kind = Incident::Kind::frame_undelivered;
    incident.session = session.id;
    incident.ident = session.account->ident;
    incident.channel = frame.channel;
    incident.bytes = frame.frame_bytes;
    tell(std::move(incident));
}

// ---- a PUBLISH on its way

void Shard::route(Run& run, Instant now) noexcept {
    if (run.frames == 0) return;
    run.route->counters->payload_bytes.add(run.payload_bytes);
    book_.shard.published_frames.add(run.frames);
    Channel& channel = *run.route->channel;
    fan_out(channel, run, now);
    if (channel.listening_shards) forward(channel, run, now);
    run.frames = 0;
    run.route = nullptr;
}

// What a run has before it beside the channel's own subscribers here.
void Shard::forward(Channel& channel, const Run& run, Instant now) noexcept {
    std::uint64_t shards = channels_.other_shards(channel);
    if (options_.wildcards)
        shards |= fan_out_patterns(channels_.patterns_over(channel), &channel, run, now);
    if (shards == 0) return;
    book_.shard.forwarded_runs.increment();
    effects_.forwards.push_back(
        {shards, bytes::FrameRef::share(run.piece), run.frames, run.payload_bytes});
}

void Shard::deliver(const bytes::FrameRef& run, std::uint32_t frames, std::uint64_t payload_bytes,
                    Instant now) noexcept {
    const wire::Parsed first =
        wire::parse(run.bytes(), wire::Peer::client, {options_.limits.publish_frame_bytes_max});
    assert(first.outcome == wire::Parsed::Outcome::frame);
    const Run whole{run.piece(), nullptr, frames, payload_bytes};
    Channel* const channel = channels_.find(first.frame.channel);
    if (!options_.wildcards) {
        if (channel) fan_out(*channel, whole, now);
    } else if (!channel) {
        (void)fan_out_patterns(channels_.patterns_over(first.frame.channel), nullptr, whole, now);
    } else {
        ++channel->uses;  // its last subscriber may be cut here
        fan_out(*channel, whole, now);
        (void)fan_out_patterns(channels_.patterns_over(*channel), channel, whole, now);
        --channel->uses;
        channels_.drop_if_unused(*channel);
    }
}

void Shard::fan_out(Channel& channel, const Run& run, Instant now) noexcept {
    const std::size_t listeners = channel.subscribers.size();
    if (listeners == 0) return;
    const std::size_t copy_below =
        pool_->budget().scarce() ? bytes::copy_below_bytes_scarce : bytes::copy_below_bytes;
    std::uint32_t needed = 0;
    // Backwards, because a subscriber that is cut here leaves, and the last one takes its place.
    for (std::size_t i = listeners; i-- > 0;)
        if (enqueue(*channel.subscribers[i].session, run, copy_below, now)) ++needed;
    // All references at once, and none where every queue's last piece just got longer. Until here
    // the slab stays because the caller has it, and nothing queued is sent.
    if (needed) run.piece.slab->add_references(needed);
}

// Gives the run to whoever subscribed to a pattern over its channel, and has not had it: as a
// subscriber of the channel itself, or by another pattern. Returns which other shards listen by
// these patterns.
std::uint64_t Shard::fan_out_patterns(std::span<Channel* const> patterns, const Channel* channel,
                                      const Run& run, Instant now) noexcept {
    std::uint64_t shards = 0;
    std::size_t listeners = 0;
    for (Channel* pattern : patterns) {
        shards |= pattern->listening_shards;
        listeners += pattern->subscribers.size();
    }
    if (listeners == 0) return shards;

    const std::uint64_t mark = ++fan_outs_marked_;
    if (channel)
        for (const Channel::Subscriber& served : channel->subscribers)
            served.session->fan_out_mark = mark;
    const std::size_t copy_below =
        pool_->budget().scarce() ? bytes::copy_below_bytes_scarce : bytes::copy_below_bytes;
    // A subscriber that is cut here leaves all its patterns: none of them may go before the end.
    for (Channel* pattern : patterns)
        ++pattern->uses;
    run.piece.slab->add_references(static_cast<std::uint32_t>(listeners));
    auto unused = static_cast<std::uint32_t>(listeners);
    for (Channel* pattern : patterns)
        for (std::size_t i = pattern->subscribers.size(); i-- > 0;) {
            Session& session = *pattern->subscribers[i].session;
            if (std::exchange(session.fan_out_mark, mark) == mark) continue;
            if (enqueue(session, run, copy_below, now)) --unused;
        }
    if (unused) run.piece.slab->release(unused);
    for (Channel* pattern : patterns) {
        --pattern->uses;
        channels_.drop_if_unused(*pattern);
    }
    return shards;
}

// Whether the queue wants a reference of its own.
bool Shard::enqueue(Session& session, const Run& run, std::size_t copy_below_bytes,
                    Instant now) noexcept {
    const std::uint32_t length = run.piece.length;
    if (session.queue.pending_bytes() + length > options_.limits.subscriber_bytes_max ||
        (session.late && pool_->budget().exceeded())) [[unlikely]] {
        if (!make_room(session, run, now)) return false;
    }
    session.counters->send_buffer_fill.add(run.payload_bytes);
    session.counters->send_buffer_bytes.add(length);
    bool referenced = false;
    if (session.late && (length < copy_below_bytes || copies_all(session, length)))
        session.queue.push_copy(run.piece, run.frames, *pool_);
    else
        referenced = session.queue.push(run.piece, run.frames);
    if (session.queue.pending_bytes() > crowding_bytes_) [[unlikely]] {
        if (!std::exchange(session.deep, true)) ++deep_count_;
        const bool just_now = session.queue.pending_bytes() - length <= crowding_bytes_;
        if (!session.crowding) begin_crowding(session, just_now, now);
        if (session.queue.pending_bytes() > options_.limits.slow_high_bytes)
            over_high_mark(session, now);
    }
    mark_dirty(session);
    return referenced;
}

void Shard::mark_dirty(Session& session) noexcept {
    if (session.dirty || session.late) return;  // a late one is flushed when its socket takes more
    session.dirty = true;
    effects_.dirty.push_back(session.id);
}

// ---- writing

const bytes::SendQueue* Shard::output(SessionId id) const noexcept {
    const Session* session = find(id);
    return session ? &session->queue : nullptr;
}

void Shard::set_late(SessionId id, bool late) noexcept {
    if (Session* session = find(id)) session->late = late;
}

void Shard::sent(SessionId id, std::size_t count) noexcept {
    Session* session = find(id);
    if (!session) return;
    session->dirty = false;
    session->queue.consume(count);
    session->pace_bytes += count;
    book_.shard.delivered_bytes.add(count);
    if (session->counters) {
        session->counters->send_buffer_drain.add(count);
        session->counters->send_buffer_bytes.add(-static_cast<std::int64_t>(count));
    }
    if (session->deep) queue_shortened(*session);
    if (session->slow_due &&
        (session->state == State::ready || session->state == State::verifying) &&
        session->queue.pending_bytes() < options_.limits.slow_low_bytes())
        below_low_mark(*session);
    if (!session->queue.empty()) return;
    session->dropping = false;
    session->too_slow = false;
    if (session->state == State::closing) finish(*session);
}

}  // namespace hpfeeds::core
