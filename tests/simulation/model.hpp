// SPDX-License-Identifier: Apache-2.0
// model.hpp: what a shard should do, by the simplest means: strings, sets and loops over
// everything.
//
// It parses nothing: it knows what each peer meant to say. It shares no memory between frames,
// keeps no lists of timers and no tables, counts gauges anew whenever they are asked for, and takes
// rights from the key at each frame. What it cannot know it is told (what a socket took, who was
// asked for again) and judges whether that may be.
//
// Threads  none.    Errors  throws Failure where the shard did something else.
#pragma once

#include "core/shard.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::simulation {

using core::CloseReason;
using core::Instant;
using core::SessionId;
using core::State;

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};
inline void expect(bool holds, std::string_view what) {
    if (!holds) throw Failure(std::string(what));
}

struct Key {
    std::string ident;
    std::string secret;
    std::string owner;
    std::set<std::string> publishes;
    std::set<std::string> subscribes;
    bool operator==(const Key&) const = default;
};

using Bytes = std::shared_ptr<const std::string>;

// A frame as its author meant it.
struct Said {
    enum class Kind : std::uint8_t { auth, publish, subscribe, unsubscribe, garbage };
    Kind kind = Kind::garbage;
    Bytes bytes;
    std::string ident;
    std::string channel;
    std::string secret;
    std::size_t payload_bytes = 0;
    // Of garbage: why it is refused, and after how many bytes.
    wire::Refusal before_login = wire::Refusal::none;
    wire::Refusal after_login = wire::Refusal::none;
    std::size_t judged_at_bytes = 0;
};

// Frames of one publisher for one channel that came in one read: they are queued, dropped or cut
// off together.
struct ModelRun {
    std::string channel;
    std::vector<Bytes> frames;
    std::size_t bytes = 0;
    std::size_t payload_bytes = 0;
};

// What the models of all shards know together, as the shards share tables.
struct Common {
    std::optional<std::size_t> places_max;  // of an ident; 0: any number; none: nobody counts
    std::map<std::string, std::size_t> places;
    bool addresses_pause = false;
    std::map<std::uint64_t, Instant> owed;  // by an address: until when
    // Messages and bytes a second of one ident; 0: any number; both 0: nobody counts.
    std::array<std::int64_t, 2> rates{};
    std::map<std::string, std::array<std::int64_t, 2>> used_until_ns;

    [[nodiscard]] bool rated() const { return rates[0] > 0 || rates[1] > 0; }
};

struct IdentTally {
    std::int64_t publish_pauses = 0, publish_paused_ms = 0;
    std::int64_t taken = 0, ready = 0, lost = 0;
    std::int64_t receive_fill = 0, send_fill = 0, send_drain = 0;
    std::int64_t deadline_start = 0, deadline_recover = 0;
    std::int64_t dropped_frames = 0, dropped_bytes = 0;
    std::int64_t discarded_frames = 0, discarded_bytes = 0;
    std::array<std::int64_t, core::close_reason_count> errors{};
};
struct ChannelTally {
    std::int64_t payload_bytes = 0;
    std::array<std::int64_t, core::ChannelCounters::bucket_count> buckets{};
};
struct ShardTally {
    std::int64_t made = 0, lost_before_login = 0;
    std::int64_t published_frames = 0, delivered_bytes = 0, forwarded_runs = 0;
    std::int64_t failed_logins_slowed = 0;
    std::int64_t untold_incidents = 0, rechecks = 0, rechecks_unanswered = 0;
    std::array<std::int64_t, core::close_reason_count> closed{};
    std::array<std::int64_t, wire::refusal_count> refused{};
    std::array<std::int64_t, core::live_change_count> live_changes{};
};

struct ModelSession {
    SessionId id;
    State state = State::greeted;
    CloseReason why = CloseReason::peer_closed;
    bool peer_gone = false, output_broken = false, dropping = false;
    std::optional<Key> key;   // of the last right login
    std::string login_ident;  // of the AUTH that waits for its verdict
    std::string login_secret;
    IdentTally* tally = nullptr;
    std::pair<std::string, std::string> tally_name;
    bool live = false;  // follows its key
    std::uint64_t news_at_auth = 0;

    std::deque<Said> said;
    std::size_t arrived_bytes = 0;  // of it, as far as the broker has read
    std::size_t ignored_bytes = 0;
    std::size_t last_words_bytes = 0;  // of the ERROR at the end of its queue
    std::deque<Bytes> queue;
    std::size_t front_sent_bytes = 0;
    std::size_t pending_bytes = 0;
    std::map<std::string, std::string> subscriptions;  // and the ident that each is counted under

    enum class Timer : std::uint8_t { none, login, refusal, slow, closing };
    Timer timer = Timer::none;
    Instant due{};
    std::optional<Instant> slow_due;  // whose reader was told that it is slow
    bool deferred = false;            // by readers
    Instant deferred_until{};

    core::EndpointRights endpoint{};
    std::uint64_t origin = 0;               // its address
    std::optional<std::string> place;       // the ident of which it has one
    bool rated = false;                     // it has logged in, and its ident has a rate
    std::array<std::int64_t, 2> in_hand{};  // of messages and of bytes
    std::optional<Instant> paused_until;    // by its rate
    bool pause_told = false;

    [[nodiscard]] bool hears() const { return state == State::greeted || state == State::ready; }
};

// What is told of a session.
struct Told {
    core::Incident::Kind kind;
    CloseReason reason;
    SessionId session;
    bool operator==(const Told&) const = default;
};

class Model {
public:
    struct Setting {
        core::ShardOptions options;
        bool memory_is_scarce = false;  // then drops follow what the shard has queued
        Common* common = nullptr;       // outlives the model
    };
    explicit Model(Setting setting) : setting_(std::move(setting)) {}

    // ---- the calls of core::Shard

    void open(SessionId id, const wire::Nonce& nonce, Instant accepted_at,
              core::EndpointRights endpoint, std::uint64_t origin);
    void say(SessionId id, Said said);
    void received(SessionId id, std::size_t count, Instant now);
    void peer_closed(SessionId id, Instant now);
    void output_broken(SessionId id);
    void sent(SessionId id, std::string_view bytes);
    void answered(SessionId asker, core::AccountAnswer::Status status,
                  const std::optional<Key>& key, core::Purpose purpose, bool degraded, Instant now);
    void keys_changed(const std::vector<std::string>& idents);
    void any_key_changed();
    void deliver(const ModelRun& run, Instant now);
    void announced(unsigned shard, const std::string& channel, bool listening);
    void tick(Instant now);
    void close_all(Instant now);
    // It was cut because memory ran out: what was queued and not begun is gone.
    void cut_for_memory(SessionId id, Instant now);
    // Its oldest frames were dropped for memory, until it had this much left.
    void dropped_for_memory(SessionId id, std::size_t left_bytes);

    // ---- what it should ask for; taken by the scene after each call

    std::vector<SessionId> half_closed;
    std::vector<SessionId> ended;
    std::vector<std::pair<SessionId, std::string>> lookups;
    std::vector<std::pair<std::string, bool>> announcements;
    std::vector<std::pair<std::uint64_t, ModelRun>> forwards;
    std::vector<Told> told;

    // The shard asked for a key that is in use.
    void asked_again(SessionId ticket, const std::string& ident);
    // After everything of an event: has it asked whom it must?
    void check_asked(Instant now, bool ticked);

    void forget(SessionId id);
    [[nodiscard]] ModelSession* find(SessionId id);
    [[nodiscard]] bool wants_reading(const ModelSession& session) const;
    [[nodiscard]] std::optional<Instant> next_due() const;
    [[nodiscard]] const std::vector<std::unique_ptr<ModelSession>>& sessions() const {
        return sessions_;
    }

    // Every counter and gauge is what it should be, and there is no other.
    void compare(const core::CounterBook& book) const;
    void compare_shard(const core::CounterBook& book) const;
    [[nodiscard]] const ShardTally& tally() const { return tally_; }

private:
    struct Live {
        std::uint64_t incarnation = 0;
        bool must_ask = false, under_way = false, unsettled = false;
        Instant waits_since{};
    };
    struct Ticket {
        std::string ident;
        std::uint64_t incarnation = 0;
    };

    void read_frames(ModelSession& session, Instant now);
    [[nodiscard]] wire::Refusal refusal_of(const ModelSession& session, const Said& frame) const;
    bool carry_out(ModelSession& session, const Said& frame, Instant now);
    void publish(ModelSession& session, const Said& frame, ModelRun& run, Instant now);
    void subscribe(ModelSession& session, const Said& frame, Instant now);
    void unsubscribe(ModelSession& session, const std::string& channel);
    void unsubscribe_all(ModelSession& session);
    void lose_subscriptions(ModelSession& session, const Key& key);
    void consume_front(ModelSession& session);

    void route(ModelSession& publisher, ModelRun& run, Instant now);
    void fan_out(const ModelRun& run, Instant now);
    void enqueue(ModelSession& session, const ModelRun& run, Instant now);
    [[nodiscard]] bool make_room(ModelSession& session, const ModelRun& run, Instant now);
    // Drops whole frames that are not begun, oldest first.
    std::pair<std::size_t, std::size_t> drop_oldest(ModelSession& session, std::size_t bytes);
    void count_dropped(ModelSession& session, std::size_t frames, std::size_t bytes);
    void count_discarded(ModelSession& session, std::size_t frames, std::size_t bytes);
    void discard_queue(ModelSession& session);
    void queue_own(ModelSession& session, std::string frame);
    void queue_last_words(ModelSession& session, const std::string& text);

    void judge_login(ModelSession& session, core::AccountAnswer::Status status,
                     const std::optional<Key>& key, Instant now);
    void grant(ModelSession& session, const Key& key, Instant now);
    [[nodiscard]] bool take_place(ModelSession& session, const std::string& ident);
    void give_place_back(ModelSession& session);
    [[nodiscard]] std::chrono::milliseconds pause_of(const ModelSession& session, Instant now);
    void pay(ModelSession& session, std::int64_t frames, std::size_t bytes, Instant now);
    void deny(ModelSession& session, CloseReason reason, Instant now);
    void answer_denied(ModelSession& session, Instant now);
    void count_under(ModelSession& session, const std::string& ident, const std::string& owner);
    void refuse(ModelSession& session, CloseReason reason, wire::Refusal refusal,
                const std::string& text, const std::string& claimed, Instant now);
    void close(ModelSession& session, CloseReason reason, Instant now);
    void finish(ModelSession& session);
    void end(ModelSession& session);
    void expire(ModelSession& session, Instant now);

    void enter_key(ModelSession& session, Instant now);
    void leave_key(ModelSession& session);
    void follow(const std::string& ident, const Key* key, Instant now);
    void tell(core::Incident::Kind kind, CloseReason reason, SessionId session);

    [[nodiscard]] bool covers(const std::string& name, const std::string& channel) const;
    [[nodiscard]] bool allows(const std::set<std::string>& granted, const std::string& name) const;
    [[nodiscard]] std::size_t listeners_of(const std::string& name) const;
    IdentTally& tally_of(const std::string& ident, const std::string& owner) {
        return idents_[{ident, owner}];
    }

    Setting setting_;
    std::vector<std::unique_ptr<ModelSession>> sessions_;  // by index; null: vacant
    std::map<std::pair<std::string, std::string>, IdentTally> idents_;
    std::map<std::pair<std::string, std::string>, ChannelTally> channels_;
    ShardTally tally_;
    std::map<std::string, std::set<unsigned>> elsewhere_;  // who listens on other shards
    std::map<std::string, Live> live_;
    std::map<std::string, Live> just_left_;                              // in this event
    std::map<std::pair<std::uint32_t, std::uint32_t>, Ticket> tickets_;  // look-ups under way
    std::uint64_t incarnations_ = 0;
    std::uint64_t news_ = 0;
};

}  // namespace hpfeeds::simulation
