// SPDX-License-Identifier: Apache-2.0
// session.hpp: what a shard knows of one peer.
//
//   greeted ──AUTH──> verifying ──right──> ready ──AUTH──> verifying …
//                         └─wrong──> refused (waits out the delay, then ERROR)
//   any ──refusal, deadline, goodbye──> closing (hands out what is queued) ──> ended (the engine
//   closes the socket)
//
// Threads    owned by one shard.
// Ownership  a session lives in its shard's table; channels and counters are borrowed.
// Memory     an idle subscriber owns this object, one Subscription per channel, and no buffer.
#pragma once

#include "bytes/frame_ref.hpp"
#include "bytes/send_queue.hpp"
#include "core/account.hpp"
#include "core/channel_table.hpp"
#include "core/close_reason.hpp"
#include "core/counters.hpp"
#include "core/limits.hpp"
#include "core/name_table.hpp"
#include "core/place_table.hpp"
#include "wire/challenge.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::core {

// Told by the caller; core reads no clock.
using Instant = std::chrono::steady_clock::time_point;

// A place in a shard's table, and which of the sessions that had it. A message for a session that
// is gone does not fit.
struct SessionId {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    bool operator==(const SessionId&) const = default;
};

enum class State : std::uint8_t { vacant, greeted, verifying, refused, ready, closing, ended };

// What the session waits for; each kind has one duration, so that its list is in order nearly by
// itself (a connection that comes through the TLS door is older than it is here).
enum class Timer : std::uint8_t {
    none,
    login,
    slow,
    closing,
    closing_slow,
    refusal,  // and behind it, one for each doubling
};
inline constexpr std::size_t timer_count =
    static_cast<std::size_t>(Timer::refusal) + 1 + refusal_doublings_max;

struct LiveKey;

// Where a publisher's frames for one channel go, resolved at its first frame.
struct Route {
    Channel* channel;
    ChannelCounters* counters;
    std::string
        head;  // str8 ident and str8 channel, as every such frame has them behind its header
    Route* next = nullptr;  // which one followed the last time, and is tried first

    [[nodiscard]] std::string_view key() const noexcept { return channel->name; }
};

struct Subscription {
    Session* session;
    Channel* channel;
    ChannelCounters* counters;
    std::uint32_t position;  // in channel->subscribers

    [[nodiscard]] std::string_view key() const noexcept { return channel->name; }
};

struct Session {
    explicit Session(bytes::NodePool& nodes) noexcept : queue(nodes) {}

    SessionId id;
    State state = State::vacant;
    Timer timer = Timer::none;
    CloseReason close_reason = CloseReason::peer_closed;
    bool dirty = false;          // in Effects::dirty
    bool late = false;           // the socket takes no more for now
    bool peer_gone = false;      // nothing more will come
    bool output_broken = false;  // nothing more can be sent
    bool dropping = false;       // frames for it were dropped since its queue was last empty
    bool crowding = false;       // in the shard's list of those that may be waited for
    bool too_slow = false;       // could not catch up in time: nobody waits for it
    bool deep = false;           // much is queued for it: in the shard's count of those
    bool deferred = false;       // a publisher that is read from later
    bool admitted = false;       // its turn has come, whoever is waited for
    bool rated = false;          // its ident may publish so much a second
    bool rate_told = false;      // … and the log knows that it was stopped
    bool tail_listed = false;    // in the shard's list of torn tails
    bool tail_aged = false;      // its torn tail was there at the last sweep
    EndpointRights endpoint;     // of where it came in
    wire::Nonce nonce{};
    std::uint32_t ignored_bytes = 0;     // that it sent, after it was told to go
    std::uint32_t last_words_bytes = 0;  // of the ERROR at the end of its queue

    std::uint64_t origin = 0;                   // hash of its address; 0: unknown, or of no account
    std::unique_ptr<std::string> denied_ident;  // while refused: whose login failed

    bytes::FrameRef torn;  // received and not yet parsed; while verifying it begins with the AUTH
    bytes::SendQueue queue;

    std::shared_ptr<const Account> account;  // null until the first right AUTH
    IdentCounters* counters = nullptr;       // null until the first right AUTH
    PlaceTable::Place ident_place;           // of the account's ident, where those are counted
    LiveKey* live_key = nullptr;             // while it is logged in: its ident's sessions,
    Session* live_previous = nullptr;        // … this one among them
    Session* live_next = nullptr;
    std::uint64_t news_at_auth = 0;  // what news of keys there had been when its AUTH came
    Route* last_route = nullptr;
    NameTable<Route> routes;
    NameTable<Subscription> subscriptions;
    std::uint64_t fan_out_mark = 0;  // the last run that it was given for its channel or a pattern

    std::int64_t frames_in_hand = 0;  // while rated: what is left of its slice,
    std::int64_t bytes_in_hand = 0;   // of both kinds

    Instant pace_since{};         // while crowding: when this look at its pace began,
    std::size_t pace_bytes = 0;   // what it has taken since,
    std::uint64_t pace_mark = 0;  // and what everybody together had taken then

    // While a slow reader: when it is cut, also while a login of its is being verified.
    std::optional<Instant> slow_due;
    Session* timer_previous = nullptr;
    Session* timer_next = nullptr;
    Instant due{};

    [[nodiscard]] bool hears() const noexcept {
        return state == State::ready || state == State::greeted;
    }
};

}  // namespace hpfeeds::core
