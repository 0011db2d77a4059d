// SPDX-License-Identifier: Apache-2.0
// shard_requests.cpp: what AUTH, SUBSCRIBE, UNSUBSCRIBE and the first PUBLISH of a channel ask for.
//
// The texts of ERROR frames are PROTOCOL.md's, "Session": clients in the field show and parse them.
#include "core/shard.hpp"

#include "wire/parser.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::core {
namespace {

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts)
        text.append(part);
    return text;
}

}  // namespace

void Shard::handle(Session& session, const wire::Frame& frame, Instant now) noexcept {
    if (frame.opcode == wire::Opcode::auth) return begin_login(session, frame.ident, now);
    if (session.state == State::greeted) {
        Incident incident;
        incident.reason = CloseReason::first_message_not_auth;
        incident.claimed = frame.ident;
        incident.channel = frame.channel;
        return refuse(session, incident, "First message was not AUTH", now);
    }
    if (frame.opcode == wire::Opcode::subscribe) return subscribe(session, frame, now);
    assert(frame.opcode == wire::Opcode::unsubscribe);
    // Never refused (client-quirk 23); without a subscription there is nothing to do.
    if (Subscription* known = session.subscriptions.find(frame.channel))
        unsubscribe(session, *known);
}

// ---- PUBLISH: the first frame of a channel

Route* Shard::find_route(Session& session, const wire::Frame& frame, Instant now) noexcept {
    const Account& account = *session.account;
    if (frame.ident != account.ident) {
        Incident incident;
        incident.reason = CloseReason::ident_mismatch;
        incident.claimed = frame.ident;
        incident.channel = frame.channel;
        refuse(session, incident, joined({"Invalid authkey in message, ident=", frame.ident}), now);
        return nullptr;
    }
    if (Route* known = session.routes.find(frame.channel)) return known;
    if (!session.endpoint.publish || !allows(account.pubchans, frame.channel)) {
        const bool by_endpoint = !session.endpoint.publish;
        Incident incident;
        incident.reason =
            by_endpoint ? CloseReason::endpoint_subscribe_only : CloseReason::no_publish_permission;
        incident.channel = frame.channel;
        refuse(session, incident,
               joined({by_endpoint ? "Endpoint" : "Authkey",
                       " not allowed to pub here. ident=", frame.ident, ", chan=", frame.channel}),
               now);
        return nullptr;
    }
    if (options_.wildcards) forget_routes_over_bound(session);
    Channel& channel = channels_.find_or_add(frame.channel);
    ++channel.uses;
    ++route_count_;
    auto* route =
        new Route{&channel,
                  &book_.channel(account.ident, frame.channel,
                                 !options_.wildcards || account.pubchans.contains(frame.channel)),
                  {},
                  nullptr};
    route->head.push_back(static_cast<char>(frame.ident.size()));
    route->head.append(frame.ident);
    route->head.push_back(static_cast<char>(frame.channel.size()));
    route->head.append(frame.channel);
    session.routes.insert(route);
    return route;
}

// A pattern grants endless channels; what a session remembers of them has a bound. Forgotten routes
// are found anew when they are needed.
void Shard::forget_routes_over_bound(Session& session) noexcept {
    const std::size_t listed = session.account->pubchans.names().size();
    if (session.routes.count() < std::max(routes_max, listed) &&
        (route_count_ < routes_of_shard_max || session.routes.count() < listed))
        return;
    book_.shard.routes_forgotten.add(session.routes.count());
    drop_routes(session);
}

void Shard::drop_route(Session& session, Route& route) noexcept {
    if (session.last_route == &route) session.last_route = nullptr;
    session.routes.erase(&route);
    --route_count_;
    --route.channel->uses;
    channels_.drop_if_unused(*route.channel);
    delete &route;
}

void Shard::drop_routes(Session& session) noexcept {
    session.last_route = nullptr;
    route_count_ -= session.routes.count();
    session.routes.for_each([&](Route& route) {
        --route.channel->uses;
        channels_.drop_if_unused(*route.channel);
        delete &route;
    });
    session.routes = {};
}

// ---- AUTH

void Shard::begin_login(Session& session, std::string_view ident, Instant now) noexcept {
    session.state = State::verifying;
    session.news_at_auth = news_;
    start_timer(session, Timer::login, now + options_.limits.login_deadline);
    effects_.lookups.push_back({session.id, std::string(ident)});
    effects_.reading.push_back(session.id);
}

void Shard::account_found(const AccountAnswer& answer, Instant now) noexcept {
    if (answer.purpose == Purpose::recheck) return recheck_answered(answer, now);
    Session* session = find(answer.asker);
    if (session && session->state == State::verifying) judge_login(*session, answer, now);
}

void Shard::judge_login(Session& session, const AccountAnswer& answer, Instant now) noexcept {
    const bytes::Piece unread = session.torn.piece();
    const wire::Parsed parsed = wire::parse(unread.bytes(), wire::Peer::client);
    assert(parsed.outcome == wire::Parsed::Outcome::frame);
    const wire::Frame& auth = parsed.frame;

    if (answer.asked_at != Instant{}) book_.shard.login_times.count(now - answer.asked_at);
    using Status = AccountAnswer::Status;
    if (answer.status == Status::absent)
        return deny(session, CloseReason::unknown_ident, auth.ident, now);
    if (answer.status == Status::unavailable)
        return deny(session, CloseReason::store_unavailable, auth.ident, now);
    if (answer.status == Status::refused_full)
        return deny(session, CloseReason::lookups_full, auth.ident, now);
    if (answer.status == Status::refused_certificate)
        return deny(session, CloseReason::certificate_mismatch, auth.ident, now);
    // A store that compares without case must not turn one ident into another.
    if (answer.account->ident != auth.ident)
        return deny(session, CloseReason::unknown_ident, auth.ident, now);
    const wire::Digest expected = wire::digest_of(session.nonce, answer.account->secret);
    if (!wire::equal_constant_time(auth.payload, expected))
        return deny(session, CloseReason::wrong_secret, auth.ident, now);
    if (!has_ident_place(session, *answer.account))
        return deny(session, CloseReason::ident_full, auth.ident, now);

    grant(session, answer.account, now);
    ask_again(now);
    // What waited behind the AUTH is carried out now, before anything newer is read (client-quirk
    // 5).
    const auto auth_bytes = static_cast<std::uint32_t>(auth.frame_bytes);
    const std::uint64_t frames_before = book_.shard.published_frames.value();
    read_frames(session, {unread.slab, unread.offset + auth_bytes, unread.length - auth_bytes},
                now);
    if (session.rated)
        spend(session, book_.shard.published_frames.value() - frames_before,
              unread.length - auth_bytes, now);
    if (session.peer_gone && session.state == State::ready)
        close(session, CloseReason::peer_closed, now);
    effects_.reading.push_back(session.id);
}

// Who logs in anew with the same ident keeps its place.
bool Shard::has_ident_place(Session& session, const Account& account) noexcept {
    if (!options_.ident_places) return true;
    if (session.account && session.account->ident == account.ident) return true;
    const std::uint64_t hash = keyed_hash(options_.hash_key, account.ident);
    if (!options_.ident_places->take(hash, session.ident_place)) return false;
    if (options_.publish_rates && session.ident_place.taken())
        options_.publish_rates->begin(session.ident_place.entry(), hash);
    return true;
}

void Shard::grant(Session& session, std::shared_ptr<const Account> account, Instant now) noexcept {
    leave_key(session);
    // Another ident takes over the connection: nothing of the first one's rights stays.
    if (session.account && session.account->ident != account->ident)
        unsubscribe_all(session);
    else
        (void)end_lost_subscriptions(session, *account);
    drop_routes(session);
    count_under(session, book_.ident(account->ident, account->owner));
    session.counters->ready.increment();
    session.account = std::move(account);
    session.state = State::ready;
    begin_rates(session);
    stop_timer(session);
    // A slow reader buys no time by logging in again.
    if (session.slow_due) start_timer(session, Timer::slow, *session.slow_due);
    enter_key(session, now);
    tell_if_asked(Incident::Kind::logged_in, session);
}

// From here on the session is one of these.
void Shard::count_under(Session& session, IdentCounters& counters) noexcept {
    if (session.counters == &counters) return;
    const auto queued = static_cast<std::int64_t>(session.queue.pending_bytes());
    const auto unread = static_cast<std::int64_t>(session.torn.bytes().size());
    if (IdentCounters* before = session.counters) {
        before->authenticated_connections.add(-1);
        before->send_buffer_bytes.add(-queued);
        before->receive_buffer_bytes.add(-unread);
    }
    counters.taken.increment();
    counters.authenticated_connections.add(1);
    counters.send_buffer_bytes.add(queued);
    counters.receive_buffer_bytes.add(unread);
    session.counters = &counters;
}

// A failed login is answered after a pause: one of the clients in the field tries again at once,
// for ever (client-quirk 10). Until then the session keeps the ident, and nothing of what it sent.
void Shard::deny(Session& session, CloseReason reason, std::string_view ident,
                 Instant now) noexcept {
    Incident incident;
    incident.reason = reason;
    incident.session = session.id;
    incident.ident = ident;
    IdentCounters& counters = session.counters ? *session.counters : book_.stranger(ident);
    counters.errors[static_cast<std::size_t>(reason)].increment();
    tell(std::move(incident));
    leave_key(session);
    unsubscribe_all(session);
    session.state = State::refused;
    session.close_reason = reason;
    session.denied_ident = std::make_unique<std::string>(ident);
    keep_rest(session, {});
    if (options_.limits.refusal_delay.count() == 0) return answer_denied(session, now);
    postpone_answer(session, now);
    effects_.reading.push_back(session.id);
}

// Whose address has failed before waits for longer; not for what is our fault.
void Shard::postpone_answer(Session& session, Instant now) noexcept {
    const auto pause = options_.limits.refusal_delay;
    const auto most = std::max(pause, options_.limits.refusal_delay_max);
    const bool failed = session.close_reason == CloseReason::unknown_ident ||
                        session.close_reason == CloseReason::wrong_secret ||
                        session.close_reason == CloseReason::certificate_mismatch;
    const auto owed = failed && session.origin != 0 && options_.failed_logins
                          ? options_.failed_logins->add(session.origin, now, pause, most)
                          : pause;
    auto wait = pause;
    unsigned doublings = 0;
    for (; wait < owed && 2 * wait <= most && doublings < refusal_doublings_max; ++doublings)
        wait *= 2;
    if (doublings > 0) book_.shard.failed_logins_slowed.increment();
    const auto timer = static_cast<Timer>(static_cast<unsigned>(Timer::refusal) + doublings);
    start_timer(session, timer, now + wait);
}

void Shard::answer_denied(Session& session, Instant now) noexcept {
    const bool full = session.close_reason == CloseReason::ident_full;
    queue_error(session, joined({full ? "Too many connections for " : "Authentication failed for ",
                                 *session.denied_ident}));
    session.denied_ident.reset();
    close(session, session.close_reason, now);
}

// ---- SUBSCRIBE and UNSUBSCRIBE

void Shard::subscribe(Session& session, const wire::Frame& frame, Instant now) noexcept {
    if (!session.endpoint.subscribe) {
        Incident incident;
        incident.reason = CloseReason::endpoint_publish_only;
        incident.claimed = frame.ident;
        incident.channel = frame.channel;
        return refuse(session, incident,
                      joined({"Endpoint not allowed to sub here. ident=", session.account->ident,
                              ", chan=", frame.channel}),
                      now);
    }
    // The ident in the frame is not checked (PROTOCOL.md, "Session" 4); the login's rights count.
    if (frame.channel.size() > wire::string_bytes_max ||
        !allows(session.account->subchans, frame.channel)) {
        Incident incident;
        incident.reason = CloseReason::no_subscribe_permission;
        incident.claimed = frame.ident;
        incident.channel = frame.channel;
        return refuse(session, incident,
                      joined({"Authkey not allowed to sub here. ident=", session.account->ident,
                              ", chan=", frame.channel}),
                      now);
    }
    if (session.subscriptions.find(frame.channel))
        return;  // once per connection, however often it asks
    // Nothing can be sent to it any more: what it listened to would only gather until it is gone.
    if (session.output_broken) return;
    const std::size_t listed = session.account->subchans.names().size();
    if (session.subscriptions.count() >= std::max(subscriptions_max, listed)) {
        Incident incident;
        incident.reason = CloseReason::too_many_subscriptions;
        incident.channel = frame.channel;
        return refuse(session, incident,
                      joined({"Too many subscriptions. ident=", session.account->ident,
                              ", chan=", frame.channel}),
                      now);
    }
    Channel& channel = channels_.find_or_add_listened(frame.channel);
    auto* subscription = new Subscription{
        &session, &channel,
        &book_.channel(session.account->ident, frame.channel,
                       !options_.wildcards || session.account->subchans.contains(frame.channel)),
        static_cast<std::uint32_t>(channel.subscribers.size())};
    channel.subscribers.push_back({&session, subscription});
    session.subscriptions.insert(subscription);
    subscription->counters->subscriptions.add(1);
    tell_if_asked(Incident::Kind::subscribed, session, frame.channel);
    if (channel.subscribers.size() == 1 && options_.shard_count > 1)
        effects_.announcements.push_back({channel.name, true});
}

void Shard::unsubscribe(Session& session, Subscription& subscription) noexcept {
    session.subscriptions.erase(&subscription);
    Channel& channel = *subscription.channel;
    // The last one takes its place; nobody minds the order of listeners.
    const Channel::Subscriber last = channel.subscribers.back();
    channel.subscribers[subscription.position] = last;
    last.subscription->position = subscription.position;
    channel.subscribers.pop_back();
    subscription.counters->subscriptions.add(-1);
    if (channel.subscribers.empty()) {
        if (options_.shard_count > 1) effects_.announcements.push_back({channel.name, false});
        channels_.drop_if_unused(channel);
    }
    delete &subscription;
}

void Shard::unsubscribe_all(Session& session) noexcept {
    std::vector<Subscription*> all;
    all.reserve(session.subscriptions.count());
    session.subscriptions.for_each(
        [&](Subscription& subscription) { all.push_back(&subscription); });
    for (Subscription* subscription : all)
        unsubscribe(session, *subscription);
}

void Shard::announced(unsigned shard, const Announcement& announcement) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << shard;
    if (announcement.listening) {
        channels_.find_or_add_listened(announcement.channel).listening_shards |= bit;
    } else if (Channel* channel = channels_.find_listened(announcement.channel)) {
        channel->listening_shards &= ~bit;
        channels_.drop_if_unused(*channel);
    }
}

}  // namespace hpfeeds::core
