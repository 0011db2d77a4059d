// SPDX-License-Identifier: Apache-2.0
// shard_rates.cpp: publishers whose ident publishes more than it may wait.
//
// Who is over its rate is not read from until the rate allows it again: the kernel's flow control
// stops the sensor, and nothing that it has sent is lost. A session pays for what it has published
// out of a slice that it bought from the bucket of its ident (core/publish_rates.hpp), and buys the
// next when that is used up. Without rates a read costs one branch.
#include "core/keyed_hash.hpp"
#include "core/shard.hpp"

#include <algorithm>
#include <limits>

namespace hpfeeds::core {

void Shard::begin_rates(Session& session) noexcept {
    session.rated = options_.publish_rates && session.ident_place.taken() &&
                    options_.publish_rates->bounds_any();
    if (!session.rated) return;
    const PublishRates& rates = *options_.publish_rates;
    constexpr std::int64_t endless = std::numeric_limits<std::int64_t>::max() / 2;
    session.frames_in_hand = rates.bounds(PublishRates::Kind::frames) ? 0 : endless;
    session.bytes_in_hand = rates.bounds(PublishRates::Kind::bytes) ? 0 : endless;
}

// The rates have changed: everybody begins anew, and who waits need not.
void Shard::begin_rates_again() noexcept {
    for (const auto& each : sessions_) {
        Session& session = *each;
        if (session.state != State::ready || !session.ident_place.taken()) continue;
        options_.publish_rates->begin(session.ident_place.entry(),
                                      keyed_hash(options_.hash_key, session.account->ident));
        begin_rates(session);
    }
    for (const Deferred& waiting : rated_) {
        Session* const session = find(waiting.session);
        if (!session) continue;
        session->deferred = false;
        effects_.reading.push_back(session->id);
    }
    rated_.clear();
}

// It has published so much. Requires: session.rated.
void Shard::spend(Session& session, std::uint64_t frames, std::size_t bytes, Instant now) noexcept {
    session.frames_in_hand -= static_cast<std::int64_t>(frames);
    session.bytes_in_hand -= static_cast<std::int64_t>(bytes);
    if ((session.frames_in_hand | session.bytes_in_hand) < 0) [[unlikely]]
        buy_slices(session, now);
}

void Shard::buy_slices(Session& session, Instant now) noexcept {
    PublishRates& rates = *options_.publish_rates;
    Instant until = now;
    const auto buy = [&](PublishRates::Kind kind, std::int64_t& in_hand) {
        if (in_hand >= 0) return;
        const std::int64_t amount = rates.slice(kind) - in_hand;
        until = std::max(until, rates.use(kind, session.ident_place.entry(), amount, now));
        in_hand += amount;
    };
    buy(PublishRates::Kind::frames, session.frames_in_hand);
    buy(PublishRates::Kind::bytes, session.bytes_in_hand);
    if (until > now && !session.deferred && session.state == State::ready)
        pause_publisher(session, until + rate_pause_min, now);
}

void Shard::pause_publisher(Session& session, Instant until, Instant now) noexcept {
    using std::chrono::milliseconds;
    session.deferred = true;
    rated_.push_back({session.id, until});
    std::push_heap(rated_.begin(), rated_.end(), later);
    effects_.reading.push_back(session.id);
    const auto pause = std::chrono::duration_cast<milliseconds>(until - now);
    session.counters->publish_pauses.increment();
    session.counters->publish_paused_ms.add(static_cast<std::uint64_t>(pause.count()));
    if (session.rate_told) return;  // once a login
    session.rate_told = true;
    Incident incident;
    incident.kind = Incident::Kind::publisher_paused;
    incident.session = session.id;
    incident.ident = session.account->ident;
    tell(std::move(incident));
}

void Shard::resume_publishers(Instant now) noexcept {
    while (!rated_.empty() && rated_.front().due <= now) {
        std::pop_heap(rated_.begin(), rated_.end(), later);
        if (Session* session = find(rated_.back().session)) {
            session->deferred = false;
            effects_.reading.push_back(session->id);
        }
        rated_.pop_back();
    }
}

}  // namespace hpfeeds::core
