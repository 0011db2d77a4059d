// SPDX-License-Identifier: Apache-2.0
// shard_live.cpp: sessions follow their key.
//
// What a session may do is what its key says now, not what it said at the login. The stores are
// asked again for an ident that is logged in here when a store tells that it has changed, and once
// an interval for all of them, since not every store can tell. One look-up an ident, whatever the
// number of its sessions, the same way as for a login, so that the order of the
// stores holds.
//
// The answer counts for the frames that are parsed after it. No answer changes nothing: a store
// that is out ends no session; nor does one that was asked in its place, because the store that
// decides may be the one that is out.
#include "core/shard.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace hpfeeds::core {

void Shard::enter_key(Session& session, Instant now) noexcept {
    if (!options_.live_permissions) return;
    LiveKey& key = live_keys_.attach(session, now);
    book_.shard.live_keys.set(static_cast<std::int64_t>(live_keys_.count()));
    const bool alone = key.first == &session && !session.live_next;
    if (!alone) {
        // One snapshot serves all; another one is news of the key.
        const auto& known = key.first->account;
        if (known == session.account || *known == *session.account) {
            session.account = known;
        } else {
            key.same_account = false;
            live_keys_.call(key);
        }
    }
    // The look-up of this login may have been before a change that was told meanwhile.
    if (session.news_at_auth != news_) live_keys_.call(key);
}

void Shard::leave_key(Session& session) noexcept {
    if (!session.live_key) return;
    live_keys_.detach(session);
    book_.shard.live_keys.set(static_cast<std::int64_t>(live_keys_.count()));
}

// ---- whom to ask for, and when

void Shard::keys_changed(std::span<const std::string> idents, Instant now) noexcept {
    if (!options_.live_permissions) return;
    ++news_;
    for (const std::string& ident : idents)
        live_keys_.call(ident);
    ask_again(now);
}

void Shard::any_key_changed(Instant now) noexcept {
    if (!options_.live_permissions) return;
    ++news_;
    live_keys_.call_all();
    ask_again(now);
}

// Stores that tell their changes are not polled, unless one of them could not answer.
std::chrono::milliseconds Shard::sweep_interval() const noexcept {
    if (options_.recheck_interval.count() > 0) return options_.recheck_interval;
    return live_keys_.unsettled() > 0 ? recheck_retry : std::chrono::milliseconds{0};
}

// A batch is due each time its share of the interval has passed, so that all keys have their turn
// once an interval, evenly spread; and at the latest when the one that has waited longest has
// waited for an interval, which comes first when many have left.
void Shard::plan_sweep(Instant now) noexcept {
    const auto interval = std::chrono::duration_cast<Instant::duration>(sweep_interval());
    const LiveKey* const next = live_keys_.next_turn();
    if (interval.count() == 0 || !next) {
        sweep_due_.reset();  // with as many under way as may be, the next answer plans anew
        return;
    }
    const std::size_t keys = live_keys_.count();
    const auto share = interval * static_cast<std::int64_t>(std::min(keys, recheck_batch)) /
                       static_cast<std::int64_t>(keys);
    // A share after the last batch was due, not after it came: a turn that is late moves nothing.
    const Instant evenly = (swept_at_ + share > now ? swept_at_ : now) + share;
    const Instant due = std::min(evenly, next->waits_since + interval);
    if (!sweep_due_ || due < *sweep_due_) sweep_due_ = due;
}

void Shard::ask_again(Instant now) noexcept {
    std::size_t turns = live_keys_.called();
    if (sweep_due_ && *sweep_due_ <= now) {
        turns = std::max(turns, recheck_batch);
        swept_at_ = *sweep_due_;
        sweep_due_.reset();
    }
    for (; turns > 0; --turns) {
        LiveKey* const key = live_keys_.next_turn();
        if (!key) break;
        LookupRequest request{{}, std::string(key->key()), Purpose::recheck};
        request.asker = live_keys_.begin(*key);
        effects_.lookups.push_back(std::move(request));
        book_.shard.rechecks.increment();
    }
    plan_sweep(now);
}

// ---- what the stores say

void Shard::recheck_answered(const AccountAnswer& answer, Instant now) noexcept {
    using Status = AccountAnswer::Status;
    LiveKey* const key = live_keys_.answered(answer.asker, now);
    if (key) {
        const bool told =
            (answer.status == Status::found || answer.status == Status::absent) && !answer.degraded;
        live_keys_.set_unsettled(*key, !told);
        if (!told)
            book_.shard.rechecks_unanswered.increment();
        else if (answer.status == Status::found && answer.account->ident == key->key())
            follow(*key, answer.account, now);
        else
            follow(*key, nullptr, now);
    }
    ask_again(now);
}

// Brings all sessions of the key to its account; without one, they end. The key is gone when all of
// them ended.
void Shard::follow(LiveKey& key, const std::shared_ptr<const Account>& account,
                   Instant now) noexcept {
    const auto same = [&](const Session& session) {
        return session.account == account || *session.account == *account;
    };
    if (account && key.same_account && same(*key.first)) return;
    key.same_account = true;
    for (Session *session = key.first, *next = nullptr; session; session = next) {
        next = session->live_next;
        if (!account)
            end_session(*session, CloseReason::key_removed, now);
        else if (session->account->secret != account->secret)
            end_session(*session, CloseReason::secret_changed, now);
        else if (same(*session))
            session->account = account;
        else
            take_over(*session, account);
    }
}

void Shard::end_session(Session& session, CloseReason reason, Instant now) noexcept {
    count_change(reason == CloseReason::key_removed ? LiveChange::key_removed
                                                    : LiveChange::secret_changed);
    Incident incident;
    incident.reason = reason;
    refuse(session, incident, "Authentication failed for " + session.account->ident, now);
}

void Shard::take_over(Session& session, std::shared_ptr<const Account> account) noexcept {
    if (session.account->owner != account->owner) {
        count_change(LiveChange::owner);
        count_under(session, book_.ident(account->ident, account->owner));
    }
    if (session.account->pubchans != account->pubchans ||
        session.account->subchans != account->subchans) {
        count_change(LiveChange::channels);
        Incident incident;
        incident.kind = Incident::Kind::rights_changed;
        incident.session = session.id;
        incident.ident = account->ident;
        incident.subscriptions = end_lost_subscriptions(session, *account);
        drop_lost_routes(session, *account);
        tell(std::move(incident));
    }
    session.account = std::move(account);
}

// As if it had sent an UNSUBSCRIBE of each; how many that were.
std::size_t Shard::end_lost_subscriptions(Session& session, const Account& account) noexcept {
    std::vector<Subscription*> lost;
    session.subscriptions.for_each([&](Subscription& subscription) {
        if (!allows(account.subchans, subscription.channel->name)) lost.push_back(&subscription);
    });
    for (Subscription* subscription : lost)
        unsubscribe(session, *subscription);
    return lost.size();
}

// The next PUBLISH there is judged anew.
void Shard::drop_lost_routes(Session& session, const Account& account) noexcept {
    std::vector<Route*> lost;
    session.routes.for_each([&](Route& route) {
        if (!allows(account.pubchans, route.channel->name)) lost.push_back(&route);
        route.next = nullptr;  // it may be among them
    });
    for (Route* route : lost)
        drop_route(session, *route);
}

void Shard::count_change(LiveChange change) noexcept {
    book_.shard.live_changes[static_cast<std::size_t>(change)].increment();
}

}  // namespace hpfeeds::core
