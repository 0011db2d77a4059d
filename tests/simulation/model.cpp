// SPDX-License-Identifier: Apache-2.0
#include "simulation/model.hpp"

#include "support/loopback_engine.hpp"

#include <algorithm>

namespace hpfeeds::simulation {
namespace {

using core::AccountAnswer;
using core::Incident;
using core::LiveChange;
using core::SlowPolicy;
using Timer = ModelSession::Timer;

template <typename Enum>
constexpr std::size_t at(Enum value) {
    return static_cast<std::size_t>(value);
}

// The documented bounds: le = 1024, doubling, to 4194304, +Inf.
std::size_t bucket_of(std::size_t payload_bytes) {
    std::size_t bucket = 0;
    for (std::size_t bound = 1024; payload_bytes > bound; bound *= 2)
        ++bucket;
    return std::min(bucket, core::ChannelCounters::bucket_count - 1);
}

}  // namespace

// ---- names

bool Model::covers(const std::string& name, const std::string& channel) const {
    if (!setting_.options.wildcards) return name == channel;
    if (name == "*" || name == channel) return true;
    if (!name.ends_with(".*")) return false;
    return channel.starts_with(name.substr(0, name.size() - 1));
}

bool Model::allows(const std::set<std::string>& granted, const std::string& name) const {
    return std::any_of(granted.begin(), granted.end(),
                       [&](const std::string& each) { return covers(each, name); });
}

std::size_t Model::listeners_of(const std::string& name) const {
    std::size_t count = 0;
    for (const auto& session : sessions_)
        if (session) count += session->subscriptions.count(name);
    return count;
}

// ---- sessions

ModelSession* Model::find(SessionId id) {
    if (id.index >= sessions_.size() || !sessions_[id.index]) return nullptr;
    return sessions_[id.index]->id == id ? sessions_[id.index].get() : nullptr;
}

void Model::open(SessionId id, const wire::Nonce& nonce, Instant accepted_at,
                 core::EndpointRights endpoint, std::uint64_t origin) {
    if (id.index >= sessions_.size()) sessions_.resize(id.index + 1);
    expect(!sessions_[id.index], "a place was given twice");
    auto added = std::make_unique<ModelSession>();
    added->id = id;
    added->endpoint = endpoint;
    added->origin = origin;
    added->timer = Timer::login;
    added->due = accepted_at + setting_.options.limits.login_deadline;
    ++tally_.made;
    queue_own(*added, testing::info(setting_.options.broker_name, nonce));
    sessions_[id.index] = std::move(added);
}

void Model::forget(SessionId id) {
    expect(find(id) && find(id)->state == State::ended, "only what has ended is forgotten");
    sessions_[id.index].reset();
}

bool Model::wants_reading(const ModelSession& session) const {
    return !session.peer_gone && !session.deferred && !session.paused_until &&
           (session.hears() || session.state == State::closing);
}

void Model::tell(Incident::Kind kind, CloseReason reason, SessionId session) {
    if (told.size() < core::incidents_per_turn_max)
        told.push_back({kind, reason, session});
    else
        ++tally_.untold_incidents;
}

// ---- reading

void Model::say(SessionId id, Said said) {
    ModelSession* session = find(id);
    if (session->hears() || session->state == State::verifying)
        session->said.push_back(std::move(said));
}

void Model::received(SessionId id, std::size_t count, Instant now) {
    ModelSession& session = *find(id);
    if (session.state == State::ready) session.tally->receive_fill += static_cast<long>(count);
    if (session.state == State::closing) {
        session.arrived_bytes = 0;
        session.ignored_bytes += count;
        if (session.ignored_bytes > core::ignored_bytes_max && session.queue.empty()) end(session);
        return;
    }
    session.arrived_bytes += count;
    const std::int64_t frames_before = tally_.published_frames;
    read_frames(session, now);
    pay(session, tally_.published_frames - frames_before, count, now);
    if (session.state == State::closing || session.state == State::ended) {
        session.said.clear();
        session.arrived_bytes = 0;
    }
}

wire::Refusal Model::refusal_of(const ModelSession& session, const Said& frame) const {
    if (frame.kind == Said::Kind::garbage)
        return session.key ? frame.after_login : frame.before_login;
    const bool too_long = !session.key && frame.bytes->size() > wire::auth_frame_bytes_max;
    return too_long ? wire::Refusal::longer_than_auth : wire::Refusal::none;
}

void Model::consume_front(ModelSession& session) {
    session.arrived_bytes -= session.said.front().bytes->size();
    session.said.pop_front();
}

void Model::read_frames(ModelSession& session, Instant now) {
    ModelRun run;
    while (session.hears() && !session.said.empty()) {
        const Said frame = session.said.front();
        const wire::Refusal refusal = refusal_of(session, frame);
        const std::size_t needed = refusal == wire::Refusal::none ? frame.bytes->size()
                                   : frame.judged_at_bytes        ? frame.judged_at_bytes
                                                                  : wire::header_bytes;
        if (session.arrived_bytes < needed) break;
        const bool joins = refusal == wire::Refusal::none && frame.kind == Said::Kind::publish &&
                           session.state == State::ready && !run.frames.empty() &&
                           run.channel == frame.channel && frame.ident == session.key->ident;
        if (!joins) {
            route(session, run, now);
            if (!session.hears()) break;
        }
        if (refusal != wire::Refusal::none) {
            refuse(session, CloseReason::protocol_error, refusal, {}, {}, now);
            break;
        }
        if (frame.kind == Said::Kind::publish && session.state == State::ready) {
            publish(session, frame, run, now);
            continue;
        }
        if (!carry_out(session, frame, now) || !session.hears()) break;
        consume_front(session);
    }
    route(session, run, now);
}

// False: the frame stays where it is.
bool Model::carry_out(ModelSession& session, const Said& frame, Instant now) {
    if (frame.kind == Said::Kind::auth) {
        session.state = State::verifying;
        session.login_ident = frame.ident;
        session.login_secret = frame.secret;
        session.news_at_auth = news_;
        session.timer = Timer::login;
        session.due = now + setting_.options.limits.login_deadline;
        lookups.emplace_back(session.id, frame.ident);
        return false;
    }
    if (session.state == State::greeted) {
        refuse(session, CloseReason::first_message_not_auth, {}, "First message was not AUTH", {},
               now);
        return false;
    }
    if (frame.kind == Said::Kind::subscribe)
        subscribe(session, frame, now);
    else if (session.subscriptions.contains(frame.channel))
        unsubscribe(session, frame.channel);
    return true;
}

void Model::publish(ModelSession& session, const Said& frame, ModelRun& run, Instant now) {
    if (frame.ident != session.key->ident)
        return refuse(session, CloseReason::ident_mismatch, {},
                      "Invalid authkey in message, ident=" + frame.ident, frame.ident, now);
    if (!session.endpoint.publish)
        return refuse(
            session, CloseReason::endpoint_subscribe_only, {},
            "Endpoint not allowed to pub here. ident=" + frame.ident + ", chan=" + frame.channel,
            {}, now);
    if (!allows(session.key->publishes, frame.channel))
        return refuse(
            session, CloseReason::no_publish_permission, {},
            "Authkey not allowed to pub here. ident=" + frame.ident + ", chan=" + frame.channel, {},
            now);
    run.channel = frame.channel;
    run.frames.push_back(frame.bytes);
    run.bytes += frame.bytes->size();
    run.payload_bytes += frame.payload_bytes;
    ++channels_[{frame.ident, frame.channel}].buckets[bucket_of(frame.payload_bytes)];
    consume_front(session);
}

void Model::subscribe(ModelSession& session, const Said& frame, Instant now) {
    if (!session.endpoint.subscribe)
        return refuse(session, CloseReason::endpoint_publish_only, {},
                      "Endpoint not allowed to sub here. ident=" + session.key->ident +
                          ", chan=" + frame.channel,
                      {}, now);
    if (!allows(session.key->subscribes, frame.channel))
        return refuse(session, CloseReason::no_subscribe_permission, {},
                      "Authkey not allowed to sub here. ident=" + session.key->ident +
                          ", chan=" + frame.channel,
                      {}, now);
    if (session.subscriptions.contains(frame.channel) || session.output_broken) return;
    session.subscriptions[frame.channel] = session.key->ident;
    channels_[{session.key->ident, frame.channel}];
    if (setting_.options.shard_count > 1 && listeners_of(frame.channel) == 1)
        announcements.emplace_back(frame.channel, true);
}

void Model::unsubscribe(ModelSession& session, const std::string& channel) {
    session.subscriptions.erase(channel);
    if (setting_.options.shard_count > 1 && listeners_of(channel) == 0)
        announcements.emplace_back(channel, false);
}

void Model::unsubscribe_all(ModelSession& session) {
    while (!session.subscriptions.empty())
        unsubscribe(session, std::string(session.subscriptions.begin()->first));
}

void Model::lose_subscriptions(ModelSession& session, const Key& key) {
    std::vector<std::string> lost;
    for (const auto& [channel, ident] : session.subscriptions)
        if (!allows(key.subscribes, channel)) lost.push_back(channel);
    for (const std::string& channel : lost)
        unsubscribe(session, channel);
}

// ---- a PUBLISH on its way

void Model::route(ModelSession& publisher, ModelRun& run, Instant now) {
    if (run.frames.empty()) return;
    channels_[{publisher.key->ident, run.channel}].payload_bytes +=
        static_cast<long>(run.payload_bytes);
    tally_.published_frames += static_cast<long>(run.frames.size());
    std::uint64_t shards = 0;
    for (const auto& [name, listening] : elsewhere_)
        if (covers(name, run.channel))
            for (const unsigned shard : listening)
                shards |= std::uint64_t{1} << shard;
    fan_out(run, now);
    if (shards) {
        ++tally_.forwarded_runs;
        forwards.emplace_back(shards, run);
    }
    run = {};
}

void Model::deliver(const ModelRun& run, Instant now) {
    fan_out(run, now);
}

void Model::announced(unsigned shard, const std::string& channel, bool listening) {
    if (listening)
        elsewhere_[channel].insert(shard);
    else if (elsewhere_[channel].erase(shard); elsewhere_[channel].empty())
        elsewhere_.erase(channel);
}

// Once to everybody who listens, by however many of its subscriptions.
void Model::fan_out(const ModelRun& run, Instant now) {
    for (const auto& session : sessions_) {
        if (!session) continue;
        const auto& names = session->subscriptions;
        if (std::any_of(names.begin(), names.end(),
                        [&](const auto& each) { return covers(each.first, run.channel); }))
            enqueue(*session, run, now);
    }
}

void Model::enqueue(ModelSession& session, const ModelRun& run, Instant now) {
    const core::Limits& limits = setting_.options.limits;
    if (session.pending_bytes + run.bytes > limits.subscriber_bytes_max &&
        !make_room(session, run, now))
        return;
    session.tally->send_fill += static_cast<long>(run.payload_bytes);
    for (const Bytes& frame : run.frames)
        session.queue.push_back(frame);
    session.pending_bytes += run.bytes;
    if (session.pending_bytes > limits.slow_high_bytes && session.timer == Timer::none &&
        session.state == State::ready && limits.slow_policy == SlowPolicy::disconnect) {
        ++session.tally->deadline_start;
        session.timer = Timer::slow;
        session.due = now + limits.slow_deadline;
        session.slow_due = session.due;
        tell(Incident::Kind::slow_started, CloseReason::peer_closed, session.id);
    }
}

bool Model::make_room(ModelSession& session, const ModelRun& run, Instant now) {
    const std::size_t cap = setting_.options.limits.subscriber_bytes_max;
    const SlowPolicy policy = setting_.options.limits.slow_policy;
    if (policy == SlowPolicy::disconnect) {
        count_discarded(session, run.frames.size(), run.bytes);
        refuse(session, CloseReason::slow_bytes, {}, "Backpressure deadline timer expired", {},
               now);
        return false;
    }
    if (policy == SlowPolicy::drop_oldest && run.bytes <= cap) {
        const auto [frames, bytes] = drop_oldest(session, session.pending_bytes + run.bytes - cap);
        count_dropped(session, frames, bytes);
        if (session.pending_bytes + run.bytes <= cap) return true;
    }
    count_dropped(session, run.frames.size(), run.bytes);
    return false;
}

std::pair<std::size_t, std::size_t> Model::drop_oldest(ModelSession& session, std::size_t bytes) {
    std::size_t frames = 0;
    std::size_t dropped = 0;
    const std::size_t first = session.front_sent_bytes > 0 ? 1 : 0;
    while (dropped < bytes && session.queue.size() > first) {
        const auto oldest = session.queue.begin() + static_cast<std::ptrdiff_t>(first);
        dropped += (*oldest)->size();
        ++frames;
        session.queue.erase(oldest);
    }
    session.pending_bytes -= dropped;
    return {frames, dropped};
}

void Model::count_dropped(ModelSession& session, std::size_t frames, std::size_t bytes) {
    if (frames == 0) return;
    session.tally->dropped_frames += static_cast<long>(frames);
    session.tally->dropped_bytes += static_cast<long>(bytes);
    if (!session.dropping)
        tell(Incident::Kind::frames_dropped, CloseReason::peer_closed, session.id);
    session.dropping = true;
}

void Model::count_discarded(ModelSession& session, std::size_t frames, std::size_t bytes) {
    if (!session.tally) return;
    session.tally->discarded_frames += static_cast<long>(frames);
    session.tally->discarded_bytes += static_cast<long>(bytes);
}

// What is queued for it will not be sent; the broker's last words are no message.
void Model::discard_queue(ModelSession& session) {
    const std::size_t words = session.queue.empty() ? 0 : session.last_words_bytes;
    count_discarded(session, session.queue.size() - (words ? 1 : 0),
                    session.pending_bytes - std::min(session.pending_bytes, words));
    session.queue.clear();
    session.pending_bytes = session.front_sent_bytes = 0;
}

void Model::queue_own(ModelSession& session, std::string frame) {
    session.pending_bytes += frame.size();
    session.queue.push_back(std::make_shared<const std::string>(std::move(frame)));
}

void Model::queue_last_words(ModelSession& session, const std::string& text) {
    std::string words = testing::error(text);
    session.last_words_bytes = words.size();
    queue_own(session, std::move(words));
}

void Model::sent(SessionId id, std::string_view bytes) {
    ModelSession& session = *find(id);
    expect(bytes.size() <= session.pending_bytes, "more was sent than there was");
    tally_.delivered_bytes += static_cast<long>(bytes.size());
    if (session.tally) session.tally->send_drain += static_cast<long>(bytes.size());
    session.pending_bytes -= bytes.size();
    while (!bytes.empty()) {
        const std::string_view frame =
            std::string_view(*session.queue.front()).substr(session.front_sent_bytes);
        const std::size_t count = std::min(frame.size(), bytes.size());
        expect(frame.substr(0, count) == bytes.substr(0, count),
               "a subscriber was sent other bytes than its next frame's");
        bytes.remove_prefix(count);
        session.front_sent_bytes += count;
        if (count < frame.size()) break;
        session.queue.pop_front();
        session.front_sent_bytes = 0;
    }
    if (session.slow_due && (session.state == State::ready || session.state == State::verifying) &&
        session.pending_bytes < setting_.options.limits.slow_low_bytes()) {
        session.slow_due.reset();
        if (session.timer == Timer::slow) session.timer = Timer::none;
        ++session.tally->deadline_recover;
        tell(Incident::Kind::slow_recovered, CloseReason::peer_closed, session.id);
    }
    if (!session.queue.empty()) return;
    session.dropping = false;
    if (session.state == State::closing) finish(session);
}

// ---- scarce memory

void Model::dropped_for_memory(SessionId id, std::size_t left_bytes) {
    ModelSession& session = *find(id);
    expect(setting_.options.limits.slow_policy != SlowPolicy::disconnect,
           "a broker that cuts slow readers drops nothing");
    const auto [frames, bytes] = drop_oldest(session, session.pending_bytes - left_bytes);
    expect(session.pending_bytes == left_bytes, "what was dropped ends between two frames");
    count_dropped(session, frames, bytes);
}

void Model::cut_for_memory(SessionId id, Instant now) {
    ModelSession& session = *find(id);
    if (session.state == State::closing) return end(session);
    const auto [frames, bytes] = drop_oldest(session, session.pending_bytes);
    count_discarded(session, frames, bytes);
    session.said.clear();
    session.arrived_bytes = 0;
    refuse(session, CloseReason::memory, {}, "Backpressure deadline timer expired", {}, now);
}

// ---- logins

void Model::answered(SessionId asker, AccountAnswer::Status status, const std::optional<Key>& key,
                     core::Purpose purpose, bool degraded, Instant now) {
    if (purpose == core::Purpose::login) {
        ModelSession* session = find(asker);
        if (session && session->state == State::verifying) judge_login(*session, status, key, now);
        return;
    }
    const auto ticket = tickets_.find({asker.index, asker.generation});
    expect(ticket != tickets_.end(), "an answer nobody asked for");
    const Ticket asked = ticket->second;
    tickets_.erase(ticket);
    const auto live = live_.find(asked.ident);
    if (live == live_.end() || live->second.incarnation != asked.incarnation) return;
    live->second.under_way = false;
    live->second.waits_since = now;
    const bool said =
        (status == AccountAnswer::Status::found || status == AccountAnswer::Status::absent) &&
        !degraded;
    live->second.unsettled = !said;
    if (!said)
        ++tally_.rechecks_unanswered;
    else
        follow(asked.ident, key && key->ident == asked.ident ? &*key : nullptr, now);
}

void Model::judge_login(ModelSession& session, AccountAnswer::Status status,
                        const std::optional<Key>& key, Instant now) {
    using Status = AccountAnswer::Status;
    switch (status) {
        case Status::absent:
            return deny(session, CloseReason::unknown_ident, now);
        case Status::unavailable:
            return deny(session, CloseReason::store_unavailable, now);
        case Status::refused_full:
            return deny(session, CloseReason::lookups_full, now);
        case Status::refused_certificate:
            return deny(session, CloseReason::certificate_mismatch, now);
        case Status::found:
            break;
    }
    if (key->ident != session.login_ident) return deny(session, CloseReason::unknown_ident, now);
    if (key->secret != session.login_secret) return deny(session, CloseReason::wrong_secret, now);
    if (!take_place(session, key->ident)) return deny(session, CloseReason::ident_full, now);
    grant(session, *key, now);
    consume_front(session);
    const std::int64_t frames_before = tally_.published_frames;
    const std::size_t waited_bytes = session.arrived_bytes;
    read_frames(session, now);
    pay(session, tally_.published_frames - frames_before, waited_bytes, now);
    if (session.peer_gone && session.state == State::ready)
        close(session, CloseReason::peer_closed, now);
    if (session.state == State::closing || session.state == State::ended) {
        session.said.clear();
        session.arrived_bytes = 0;
    }
}

void Model::grant(ModelSession& session, const Key& key, Instant now) {
    leave_key(session);
    if (session.key && session.key->ident != key.ident)
        unsubscribe_all(session);
    else
        lose_subscriptions(session, key);
    count_under(session, key.ident, key.owner);
    ++session.tally->ready;
    session.key = key;
    session.state = State::ready;
    session.timer = session.slow_due ? Timer::slow : Timer::none;
    if (session.slow_due) session.due = *session.slow_due;
    session.rated = setting_.common->rated();
    session.in_hand = {};
    enter_key(session, now);
}

// ---- what all shards bound together

bool Model::take_place(ModelSession& session, const std::string& ident) {
    Common& common = *setting_.common;
    if (!common.places_max || session.place == ident) return true;
    if (*common.places_max != 0 && common.places[ident] >= *common.places_max) return false;
    ++common.places[ident];
    give_place_back(session);
    session.place = ident;
    return true;
}

void Model::give_place_back(ModelSession& session) {
    if (session.place) --setting_.common->places[*session.place];
    session.place.reset();
}

// How long its failed login waits for the answer.
std::chrono::milliseconds Model::pause_of(const ModelSession& session, Instant now) {
    const auto pause = setting_.options.limits.refusal_delay;
    const auto most = std::max(pause, setting_.options.limits.refusal_delay_max);
    const bool its_fault = session.why == CloseReason::unknown_ident ||
                           session.why == CloseReason::wrong_secret ||
                           session.why == CloseReason::certificate_mismatch;
    if (!its_fault || session.origin == 0 || !setting_.common->addresses_pause) return pause;
    // One pause more than it owes already.
    Instant& until = setting_.common->owed[session.origin];
    until = std::min(std::max(until, now) + pause, now + most);
    auto wait = pause;
    for (unsigned times = 0; times < core::refusal_doublings_max; ++times)
        if (now + wait < until && 2 * wait <= most) wait *= 2;
    if (wait > pause) ++tally_.failed_logins_slowed;
    return wait;
}

// So much was published. It is bought in slices, and who has no more waits until the ident may
// have it.
void Model::pay(ModelSession& session, std::int64_t frames, std::size_t bytes, Instant now) {
    if (!session.rated || !session.key) return;
    const std::int64_t now_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
    constexpr std::int64_t second_ns = 1'000'000'000;
    const std::array<std::int64_t, 2> used{frames, static_cast<std::int64_t>(bytes)};
    std::int64_t until_ns = now_ns;
    for (std::size_t kind = 0; kind < used.size(); ++kind) {
        const std::int64_t rate = setting_.common->rates[kind];
        if (rate == 0) continue;
        session.in_hand[kind] -= used[kind];
        if (session.in_hand[kind] >= 0) continue;
        const std::int64_t slice =
            rate / static_cast<std::int64_t>(core::rate_slices_per_second) + 1;
        const std::int64_t bought = slice - session.in_hand[kind];
        session.in_hand[kind] = slice;
        std::int64_t& used_ns = setting_.common->used_until_ns[*session.place][kind];
        used_ns = std::max(used_ns, now_ns - second_ns) + bought * second_ns / rate;
        until_ns = std::max(until_ns, used_ns);
    }
    if (until_ns == now_ns || session.state != State::ready) return;
    session.paused_until = now + std::chrono::nanoseconds(until_ns - now_ns) + core::rate_pause_min;
    ++session.tally->publish_pauses;
    session.tally->publish_paused_ms +=
        std::chrono::duration_cast<std::chrono::milliseconds>(*session.paused_until - now).count();
    if (!std::exchange(session.pause_told, true))
        tell(Incident::Kind::publisher_paused, CloseReason::peer_closed, session.id);
}

void Model::count_under(ModelSession& session, const std::string& ident, const std::string& owner) {
    IdentTally& tally = tally_of(ident, owner);
    if (session.tally == &tally) return;
    session.tally = &tally;
    session.tally_name = {ident, owner};
    ++tally.taken;
}

void Model::deny(ModelSession& session, CloseReason reason, Instant now) {
    IdentTally& tally = session.tally ? *session.tally : tally_of(session.login_ident, {});
    ++tally.errors[at(reason)];
    tell(Incident::Kind::closed, reason, session.id);
    leave_key(session);
    unsubscribe_all(session);
    session.state = State::refused;
    session.why = reason;
    session.said.clear();
    session.arrived_bytes = 0;
    session.timer = Timer::refusal;
    if (setting_.options.limits.refusal_delay.count() == 0) return answer_denied(session, now);
    session.due = now + pause_of(session, now);
}

void Model::answer_denied(ModelSession& session, Instant now) {
    if (!session.output_broken)
        queue_last_words(session,
                         (session.why == CloseReason::ident_full ? "Too many connections for "
                                                                 : "Authentication failed for ") +
                             session.login_ident);
    close(session, session.why, now);
}

// ---- closing

void Model::refuse(ModelSession& session, CloseReason reason, wire::Refusal refusal,
                   const std::string& text, const std::string& claimed, Instant now) {
    IdentTally& tally = reason == CloseReason::ident_mismatch ? tally_of(claimed, {})
                        : session.tally                       ? *session.tally
                                                              : tally_of({}, {});
    ++tally.errors[at(reason)];
    if (refusal != wire::Refusal::none) ++tally_.refused[at(refusal)];
    tell(Incident::Kind::closed, reason, session.id);
    if (!text.empty() && !session.output_broken) queue_last_words(session, text);
    close(session, reason, now);
}

void Model::close(ModelSession& session, CloseReason reason, Instant now) {
    if (session.state == State::closing || session.state == State::ended) return;
    session.state = State::closing;
    session.why = reason;
    session.deferred = session.rated = false;
    session.paused_until.reset();
    ++tally_.closed[at(reason)];
    leave_key(session);
    unsubscribe_all(session);
    if (session.output_broken) return end(session);
    const bool slow = reason == CloseReason::slow_deadline || reason == CloseReason::slow_bytes;
    session.timer = Timer::closing;
    session.due = now + (slow ? core::linger_slow : core::linger);
    if (session.queue.empty()) finish(session);
}

void Model::finish(ModelSession& session) {
    if (session.peer_gone || session.why == CloseReason::shutdown) return end(session);
    half_closed.push_back(session.id);
}

void Model::end(ModelSession& session) {
    if (session.state == State::ended) return;
    session.state = State::ended;
    session.timer = Timer::none;
    give_place_back(session);
    if (session.tally)
        ++session.tally->lost;
    else
        ++tally_.lost_before_login;
    discard_queue(session);
    session.said.clear();
    session.arrived_bytes = 0;
    ended.push_back(session.id);
}

void Model::peer_closed(SessionId id, Instant now) {
    ModelSession& session = *find(id);
    if (session.peer_gone) return;
    session.peer_gone = true;
    if (session.hears())
        close(session, CloseReason::peer_closed, now);
    else if (session.state == State::closing && session.queue.empty())
        end(session);
}

void Model::output_broken(SessionId id) {
    ModelSession& session = *find(id);
    if (session.output_broken) return;
    session.output_broken = true;
    discard_queue(session);
    session.slow_due.reset();
    if (session.timer == Timer::slow) session.timer = Timer::none;
    unsubscribe_all(session);
    if (session.state == State::closing) end(session);
}

void Model::close_all(Instant now) {
    for (const auto& session : sessions_)
        if (session) close(*session, CloseReason::shutdown, now);
}

// ---- time

std::optional<Instant> Model::next_due() const {
    std::optional<Instant> earliest;
    const auto is_due = [&](Instant due) { earliest = std::min(earliest.value_or(due), due); };
    for (const auto& session : sessions_) {
        if (session && session->timer != Timer::none) is_due(session->due);
        if (session && session->paused_until) is_due(*session->paused_until);
    }
    return earliest;
}

void Model::tick(Instant now) {
    for (const auto& session : sessions_)
        if (session && session->paused_until && *session->paused_until <= now)
            session->paused_until.reset();
    for (const auto& session : sessions_)
        if (session && session->timer != Timer::none && session->due <= now) expire(*session, now);
}

void Model::expire(ModelSession& session, Instant now) {
    const Timer timer = std::exchange(session.timer, Timer::none);
    switch (timer) {
        case Timer::login:
            if (session.state == State::verifying)
                return deny(session, CloseReason::store_unavailable, now);
            return refuse(session, CloseReason::login_deadline, {}, "First message was not AUTH",
                          {}, now);
        case Timer::refusal:
            return answer_denied(session, now);
        case Timer::slow:
            return refuse(session, CloseReason::slow_deadline, {},
                          "Backpressure deadline timer expired", {}, now);
        default:
            return end(session);
    }
}

// ---- sessions follow their key

void Model::enter_key(ModelSession& session, Instant now) {
    if (!setting_.options.live_permissions) return;
    session.live = true;
    bool alone = true;
    bool news = true;
    for (const auto& other : sessions_) {
        if (!other || other.get() == &session || !other->live) continue;
        if (other->key->ident != session.key->ident) continue;
        alone = false;
        if (*other->key == *session.key) news = false;
    }
    if (alone) live_[session.key->ident] = {++incarnations_, false, false, false, now};
    if ((!alone && news) || session.news_at_auth != news_)
        live_[session.key->ident].must_ask = true;
}

void Model::leave_key(ModelSession& session) {
    if (!std::exchange(session.live, false)) return;
    const bool last = std::none_of(sessions_.begin(), sessions_.end(), [&](const auto& other) {
        return other && other->live && other->key->ident == session.key->ident;
    });
    if (!last) return;
    just_left_[session.key->ident] = live_[session.key->ident];
    live_.erase(session.key->ident);
}

void Model::keys_changed(const std::vector<std::string>& idents) {
    if (!setting_.options.live_permissions) return;
    ++news_;
    for (const std::string& ident : idents)
        if (const auto live = live_.find(ident); live != live_.end()) live->second.must_ask = true;
}

void Model::any_key_changed() {
    if (!setting_.options.live_permissions) return;
    ++news_;
    for (auto& [ident, live] : live_)
        live.must_ask = true;
}

void Model::asked_again(SessionId ticket, const std::string& ident) {
    auto live = live_.find(ident);
    if (live == live_.end()) {
        // It may have left in the same moment, by what stood behind its AUTH.
        live = just_left_.find(ident);
        expect(live != just_left_.end(), "a key was asked for that nobody uses");
    }
    expect(!live->second.under_way, "a key was asked for twice at once");
    expect(tickets_.size() < core::rechecks_outstanding_max,
           "too many keys were asked for at once");
    expect(tickets_
               .emplace(std::pair{ticket.index, ticket.generation},
                        Ticket{ident, live->second.incarnation})
               .second,
           "a ticket was given twice");
    live->second.under_way = true;
    live->second.must_ask = false;
    ++tally_.rechecks;
}

void Model::check_asked(Instant now, bool ticked) {
    just_left_.clear();
    if (tickets_.size() >= core::rechecks_outstanding_max) return;
    auto interval = setting_.options.recheck_interval;
    if (interval.count() == 0)
        for (const auto& [ident, live] : live_)
            if (live.unsettled) interval = core::recheck_retry;
    for (const auto& [ident, live] : live_) {
        if (live.under_way) continue;
        expect(!live.must_ask, "a key changed and was not asked for");
        expect(!ticked || interval.count() == 0 || now < live.waits_since + interval,
               "a key was not asked for within the interval");
    }
}

void Model::follow(const std::string& ident, const Key* key, Instant now) {
    for (const auto& each : sessions_) {
        if (!each || !each->live || each->key->ident != ident) continue;
        ModelSession& session = *each;
        if (!key || key->secret != session.key->secret) {
            const LiveChange change = key ? LiveChange::secret_changed : LiveChange::key_removed;
            ++tally_.live_changes[at(change)];
            refuse(session, key ? CloseReason::secret_changed : CloseReason::key_removed, {},
                   "Authentication failed for " + ident, {}, now);
            continue;
        }
        if (key->owner != session.key->owner) {
            ++tally_.live_changes[at(LiveChange::owner)];
            count_under(session, ident, key->owner);
        }
        if (key->publishes != session.key->publishes ||
            key->subscribes != session.key->subscribes) {
            ++tally_.live_changes[at(LiveChange::channels)];
            lose_subscriptions(session, *key);
            tell(Incident::Kind::rights_changed, CloseReason::peer_closed, session.id);
        }
        session.key = *key;
    }
}

// ---- what was counted

namespace {

void same(std::int64_t should_be, std::int64_t is, const char* what, const std::string& of = {},
          const std::string& also = {}) {
    if (should_be == is) return;
    throw Failure(std::string(what) + (of.empty() ? "" : " of " + of) +
                  (also.empty() ? "" : ", " + also) + " is " + std::to_string(is) +
                  " and should be " + std::to_string(should_be));
}
std::int64_t value(const core::Counter& counter) {
    return static_cast<std::int64_t>(counter.value());
}

}  // namespace

void Model::compare_shard(const core::CounterBook& book) const {
    std::int64_t connections = 0;
    for (const auto& session : sessions_)
        if (session && session->state != State::ended) ++connections;
    same(connections, book.shard.connections.value(), "connections");
    same(tally_.made, value(book.shard.made), "made");
    same(tally_.lost_before_login, value(book.shard.lost_before_login), "lost_before_login");
    same(tally_.published_frames, value(book.shard.published_frames), "published_frames");
    same(tally_.delivered_bytes, value(book.shard.delivered_bytes), "delivered_bytes");
    same(tally_.forwarded_runs, value(book.shard.forwarded_runs), "forwarded_runs");
    same(tally_.untold_incidents, value(book.shard.untold_incidents), "untold_incidents");
    same(tally_.failed_logins_slowed, value(book.shard.failed_logins_slowed),
         "failed_logins_slowed");
    same(tally_.rechecks, value(book.shard.rechecks), "rechecks");
    same(tally_.rechecks_unanswered, value(book.shard.rechecks_unanswered), "rechecks_unanswered");
    same(0, value(book.shard.routes_forgotten), "routes_forgotten");
    same(static_cast<std::int64_t>(live_.size()), book.shard.live_keys.value(), "live_keys");
    for (std::size_t i = 0; i < core::close_reason_count; ++i)
        same(tally_.closed[i], value(book.shard.closed[i]), "closed",
             std::string(core::label(static_cast<CloseReason>(i))));
    for (std::size_t i = 0; i < wire::refusal_count; ++i)
        same(tally_.refused[i], value(book.shard.refused[i]), "refused",
             std::string(wire::label(static_cast<wire::Refusal>(i))));
    for (std::size_t i = 0; i < core::live_change_count; ++i)
        same(tally_.live_changes[i], value(book.shard.live_changes[i]), "live_changes");
}

void Model::compare(const core::CounterBook& book) const {
    compare_shard(book);
    std::size_t entries = 0;
    for (const auto* is = book.first_ident(); is; is = is->next, ++entries) {
        const auto should = idents_.find({is->ident, is->owner});
        expect(should != idents_.end(), "an ident is counted that should not be");
        const IdentTally& tally = should->second;
        std::int64_t connections = 0;
        std::int64_t queued = 0;
        std::int64_t unread = 0;
        for (const auto& session : sessions_) {
            if (!session || session->tally != &tally || session->state == State::ended) continue;
            ++connections;
            queued += static_cast<std::int64_t>(session->pending_bytes);
            unread += static_cast<std::int64_t>(session->arrived_bytes);
        }
        const std::string& of = is->ident;
        same(connections, is->authenticated_connections.value(), "authenticated_connections", of);
        same(queued, is->send_buffer_bytes.value(), "send_buffer_bytes", of);
        same(unread, is->receive_buffer_bytes.value(), "receive_buffer_bytes", of);
        same(tally.taken, value(is->taken), "taken", of);
        same(tally.ready, value(is->ready), "ready", of);
        same(tally.lost, value(is->lost), "lost", of);
        same(tally.receive_fill, value(is->receive_buffer_fill), "receive_buffer_fill", of);
        same(tally.send_fill, value(is->send_buffer_fill), "send_buffer_fill", of);
        same(tally.send_drain, value(is->send_buffer_drain), "send_buffer_drain", of);
        same(tally.deadline_start, value(is->deadline_start), "deadline_start", of);
        same(tally.deadline_recover, value(is->deadline_recover), "deadline_recover", of);
        same(tally.publish_pauses, value(is->publish_pauses), "publish_pauses", of);
        same(tally.publish_paused_ms, value(is->publish_paused_ms), "publish_paused_ms", of);
        same(tally.dropped_frames, value(is->dropped_frames), "dropped_frames", of);
        same(tally.dropped_bytes, value(is->dropped_bytes), "dropped_bytes", of);
        same(tally.discarded_frames, value(is->discarded_frames), "discarded_frames", of);
        same(tally.discarded_bytes, value(is->discarded_bytes), "discarded_bytes", of);
        for (std::size_t i = 0; i < core::close_reason_count; ++i)
            same(tally.errors[i], value(is->errors[i]), "errors", of,
                 std::string(core::label(static_cast<CloseReason>(i))));
    }
    same(static_cast<std::int64_t>(idents_.size()), static_cast<std::int64_t>(entries),
         "the number of idents counted");
    entries = 0;
    for (const auto* is = book.first_channel(); is; is = is->next, ++entries) {
        const auto should = channels_.find({is->ident, is->channel});
        expect(should != channels_.end(), "a channel is counted that should not be");
        std::int64_t subscriptions = 0;
        for (const auto& session : sessions_) {
            if (!session) continue;
            const auto known = session->subscriptions.find(is->channel);
            if (known != session->subscriptions.end() && known->second == is->ident)
                ++subscriptions;
        }
        same(subscriptions, is->subscriptions.value(), "subscriptions", is->ident, is->channel);
        same(should->second.payload_bytes, value(is->payload_bytes), "payload_bytes", is->ident,
             is->channel);
        for (std::size_t i = 0; i < core::ChannelCounters::bucket_count; ++i)
            same(should->second.buckets[i], value(is->buckets[i]), "payloads", is->ident,
                 is->channel);
    }
    same(static_cast<std::int64_t>(channels_.size()), static_cast<std::int64_t>(entries),
         "the number of channels counted");
}

}  // namespace hpfeeds::simulation
