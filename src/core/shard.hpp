// SPDX-License-Identifier: Apache-2.0
// shard.hpp: the broker's machine for one thread: its sessions, its channels, and what PROTOCOL.md
// says of them.
//
// Without sockets, threads, clocks or chance: the engine (net/shard_thread) tells what happened and
// when, and carries out the effects. Tests drive the same calls with byte strings and an invented
// time.
//
// Units      sizes are bytes.
// Threads    owned by one thread.
// Ownership  sessions live here from open() to forget(). An id of a session that is gone is ignored
// everywhere. Errors     nothing throws; what a peer does wrong is a CloseReason, counted and told
// as an Incident.
#pragma once

#include "bytes/read_buffer.hpp"
#include "core/channel_table.hpp"
#include "core/counters.hpp"
#include "core/effects.hpp"
#include "core/failed_logins.hpp"
#include "core/keyed_hash.hpp"
#include "core/limits.hpp"
#include "core/live_keys.hpp"
#include "core/place_table.hpp"
#include "core/publish_rates.hpp"
#include "core/session.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::core {

// What the key stores said of an ident. `unavailable` never grants, and never takes away.
struct AccountAnswer {
    enum class Status : std::uint8_t {
        found,
        absent,
        unavailable,
        refused_full,         // the engine did not ask: too many logins wait
        refused_certificate,  // nor now: the peer's certificate names another ident
    };
    SessionId asker;  // LookupRequest's
    Status status = Status::absent;
    std::shared_ptr<const Account> account;  // found: never null
    Purpose purpose = Purpose::login;
    bool degraded = false;  // a store that is asked earlier could not tell
    Instant asked_at{};     // when the engine asked; none: the answer is not timed
};

struct ShardOptions {
    Limits limits;
    std::string broker_name = "hpfeeds";  // at most 255 bytes
    unsigned shard = 0;                   // which of the shards this is
    unsigned shard_count = 1;
    bool tell_everything = false;  // incidents for logins, subscriptions and goodbyes too
    bool live_permissions = true;  // sessions follow their key (core/shard_live.cpp)
    std::chrono::milliseconds recheck_interval{0};  // each live key is asked for so often; 0: never
    bool wildcards = false;                         // core/pattern.hpp
    // What all shards share; it outlives them. Null: an ident may have any number of sessions.
    PlaceTable* ident_places = nullptr;
    PublishRates* publish_rates = nullptr;  // null: any; else with as many entries as ident_places
    FailedLogins* failed_logins = nullptr;  // null: each waits for one pause
    CountedNames* counted_names = nullptr;  // null: the names of metrics are this shard's own
    HashKey hash_key{};
};

class Shard {
public:
    Shard(ShardOptions options, bytes::SlabPool& pool);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    // A connection was accepted, now or a while ago: the login deadline counts from then on. INFO
    // with this nonce is queued at once (client-quirk 2). `endpoint` is of where it came in.
    [[nodiscard]] SessionId open(const wire::Nonce& nonce, Instant accepted_at,
                                 EndpointRights endpoint = {}) noexcept;
    // The keyed hash of its address, now or when that becomes known: for what is bounded by
    // address. Without it, or with 0, nothing is.
    void set_origin(SessionId id, std::uint64_t origin) noexcept;

    // Memory for the next read of a session that wants_reading(); never empty. Valid until the next
    // call.
    [[nodiscard]] std::span<std::byte> read_room(SessionId id) noexcept;
    // Whether it may be read from now. If not, it will want to be again in a moment
    // (core/shard_pace.cpp).
    [[nodiscard]] bool admits(SessionId id, Instant now) noexcept;
    // `count` bytes are in it now.
    void received(SessionId id, std::size_t count, Instant now) noexcept;
    // Nothing more will come from the peer. What had come is carried out first (client-quirk 7).
    void peer_closed(SessionId id, Instant now) noexcept;
    // Nothing more can be sent to the peer; what it had sent is still carried out.
    void output_broken(SessionId id, Instant now) noexcept;

    [[nodiscard]] bool wants_reading(SessionId id) const noexcept;
    // Whether it is not read from because its key is being looked up: not for long.
    [[nodiscard]] bool awaits_verdict(SessionId id) const noexcept;
    // What is to be sent; null for a session that is gone.
    [[nodiscard]] const bytes::SendQueue* output(SessionId id) const noexcept;
    // The socket took `count` bytes of it.
    void sent(SessionId id, std::size_t count) noexcept;
    // Whether the socket takes more. A late reader of little gets copies, so that it pins no slabs.
    void set_late(SessionId id, bool late) noexcept;

    void account_found(const AccountAnswer& answer, Instant now) noexcept;
    // A key store says that the accounts of these idents have changed or are gone; or that any may
    // have.
    void keys_changed(std::span<const std::string> idents, Instant now) noexcept;
    void any_key_changed(Instant now) noexcept;
    // A run of whole frames for one channel, checked by the shard that received it.
    void deliver(const bytes::FrameRef& run, std::uint32_t frames, std::uint64_t payload_bytes,
                 Instant now) noexcept;
    // Another shard has listeners of the channel now, or none any more.
    void announced(unsigned shard, const Announcement& announcement) noexcept;

    // A reader with more than this queued is waited for, if it keeps up.
    [[nodiscard]] std::size_t crowding_bytes() const noexcept { return crowding_bytes_; }
    // Whether readers here are waited for; and whether those of another shard are, who share our
    // publishers.
    [[nodiscard]] bool crowded() const noexcept { return !crowding_.empty(); }
    void others_crowded(bool crowded) noexcept { others_crowded_ = crowded; }
    // Asked again when queues have been written, so that other shards need not wait for our next
    // tick.
    void look_at_crowding(Instant now) noexcept;
    // Whether a publisher here waits for readers.
    [[nodiscard]] bool defers() const noexcept { return !deferred_.empty(); }

    // Carries out what is due. next_due() says when to call it next, at the latest.
    void tick(Instant now) noexcept;

    // Other limits from now on, but for the length of frames: runs from other shards were checked
    // against that already. Deadlines that run stay as they are. Of publish rates it takes over
    // what PublishRates::set() has said.
    void retune(const Limits& limits, bool tell_everything) noexcept;
    [[nodiscard]] std::optional<Instant> next_due() const noexcept;
    // Moves torn tails that have waited since the last sweep off shared slabs; true while there are
    // any.
    bool sweep_torn_tails() noexcept;
    // Frees what a burst left behind and nobody needs; true while there may be more.
    bool trim() noexcept { return nodes_.trim(); }
    // While more message memory is in use than there may be: takes it from those who hold the most.
    void relieve_memory(Instant now) noexcept;
    // The broker stops: every session hands out what it has queued, then ends.
    void close_all(Instant now) noexcept;

    // The engine has closed the socket of an ended session.
    void forget(SessionId id) noexcept;

    [[nodiscard]] Effects& effects() noexcept { return effects_; }
    [[nodiscard]] const CounterBook& counters() const noexcept { return book_; }
    [[nodiscard]] std::size_t session_count() const noexcept { return session_count_; }
    // For those who list the sessions: the one whose id has this index; null where there is none.
    [[nodiscard]] const Session* session_at(std::size_t index) const noexcept {
        const bool there = index < sessions_.size() && sessions_[index]->state != State::vacant;
        return there ? sessions_[index].get() : nullptr;
    }
    [[nodiscard]] const ChannelTable& channels() const noexcept { return channels_; }
    [[nodiscard]] const LiveKeys& live_keys() const noexcept { return live_keys_; }

private:
    // Frames of one segment for one channel, in a row.
    struct Run {
        bytes::Piece piece;
        Route* route = nullptr;
        std::uint32_t frames = 0;
        std::uint64_t payload_bytes = 0;
    };
    struct TimerList {
        Session* first = nullptr;
        Session* last = nullptr;
    };

    // shard.cpp: sessions, and the walk of a PUBLISH.
    [[nodiscard]] Session* find(SessionId id) const noexcept;
    Session& vacant_session() noexcept;
    void read_frames(Session& session, bytes::Piece unread, Instant now) noexcept;
    std::uint32_t take_frames(Session& session, bytes::Piece unread, Instant now) noexcept;
    [[nodiscard]] Route* known_route(const Session& session, const std::byte* frame,
                                     std::size_t unread_bytes) const noexcept;
    void leave_undelivered(Session& session, const wire::Frame& frame) noexcept;
    void keep_rest(Session& session, bytes::Piece rest) noexcept;
    void route(Run& run, Instant now) noexcept;
    void fan_out(Channel& channel, const Run& run, Instant now) noexcept;
    [[nodiscard]] std::uint64_t fan_out_patterns(std::span<Channel* const> patterns,
                                                 const Channel* channel, const Run& run,
                                                 Instant now) noexcept;
    void forward(Channel& channel, const Run& run, Instant now) noexcept;
    [[nodiscard]] bool enqueue(Session& session, const Run& run, std::size_t copy_below_bytes,
                               Instant now) noexcept;
    void mark_dirty(Session& session) noexcept;

    // shard_requests.cpp: what the other frames ask for.
    void handle(Session& session, const wire::Frame& frame, Instant now) noexcept;
    [[nodiscard]] Route* find_route(Session& session, const wire::Frame& frame,
                                    Instant now) noexcept;
    void begin_login(Session& session, std::string_view ident, Instant now) noexcept;
    void judge_login(Session& session, const AccountAnswer& answer, Instant now) noexcept;
    [[nodiscard]] bool has_ident_place(Session& session, const Account& account) noexcept;
    void grant(Session& session, std::shared_ptr<const Account> account, Instant now) noexcept;
    void count_under(Session& session, IdentCounters& counters) noexcept;
    void deny(Session& session, CloseReason reason, std::string_view ident, Instant now) noexcept;
    void postpone_answer(Session& session, Instant now) noexcept;
    void answer_denied(Session& session, Instant now) noexcept;
    void subscribe(Session& session, const wire::Frame& frame, Instant now) noexcept;
    void unsubscribe(Session& session, Subscription& subscription) noexcept;
    void unsubscribe_all(Session& session) noexcept;
    void forget_routes_over_bound(Session& session) noexcept;
    void drop_route(Session& session, Route& route) noexcept;
    void drop_routes(Session& session) noexcept;
    [[nodiscard]] bool allows(const ChannelList& granted, std::string_view name) const noexcept {
        return options_.wildcards ? granted.covers(name) : granted.contains(name);
    }

    // shard_live.cpp: what changes for sessions when their key does.
    void enter_key(Session& session, Instant now) noexcept;
    void leave_key(Session& session) noexcept;
    [[nodiscard]] std::chrono::milliseconds sweep_interval() const noexcept;
    void plan_sweep(Instant now) noexcept;
    void ask_again(Instant now) noexcept;
    void recheck_answered(const AccountAnswer& answer, Instant now) noexcept;
    void follow(LiveKey& key, const std::shared_ptr<const Account>& account, Instant now) noexcept;
    void take_over(Session& session, std::shared_ptr<const Account> account) noexcept;
    [[nodiscard]] std::size_t end_lost_subscriptions(Session& session,
                                                     const Account& account) noexcept;
    void drop_lost_routes(Session& session, const Account& account) noexcept;
    void end_session(Session& session, CloseReason reason, Instant now) noexcept;
    void count_change(LiveChange change) noexcept;

    // shard_closing.cpp: refusals, goodbyes and deadlines.
    void refuse(Session& session, const Incident& incident, std::string_view error_text,
                Instant now) noexcept;
    void close(Session& session, CloseReason reason, Instant now) noexcept;
    void finish(Session& session) noexcept;
    void end(Session& session) noexcept;
    void queue_error(Session& session, std::string_view text) noexcept;
    void queue_control(Session& session, bytes::Piece frame) noexcept;
    [[nodiscard]] bytes::Slab& control_slab(std::size_t bytes) noexcept;
    void tell(Incident incident) noexcept;
    void tell_if_asked(Incident::Kind kind, const Session& session,
                       std::string_view channel = {}) noexcept;
    void start_timer(Session& session, Timer timer, Instant due) noexcept;
    void stop_timer(Session& session) noexcept;
    void expire(Session& session, Instant now) noexcept;

    // shard_flow.cpp: slow subscribers and scarce memory.
    [[nodiscard]] bool make_room(Session& session, const Run& run, Instant now) noexcept;
    void count_dropped(Session& session, std::size_t frames, std::size_t bytes) noexcept;
    void count_unsent(Session& session) noexcept;
    static void count_discarded(IdentCounters& counters, std::size_t frames,
                                std::size_t bytes) noexcept;
    [[nodiscard]] bool copies_all(const Session& session, std::size_t length) const noexcept;
    void queue_shortened(Session& session) noexcept;
    void end_deep(Session& session) noexcept;
    void over_high_mark(Session& session, Instant now) noexcept;
    void below_low_mark(Session& session) noexcept;
    void cut_slow(Session& session, CloseReason reason, Instant now) noexcept;
    [[nodiscard]] std::size_t held_bytes(const Session& session) const noexcept;

    // shard_pace.cpp: publishers wait, for moments, for readers that keep up.
    struct Deferred {
        SessionId session;
        Instant due;
    };
    void begin_crowding(Session& session, bool just_now, Instant now) noexcept;
    [[nodiscard]] bool machine_stands_still(const Session& session,
                                            Instant::duration watched) const noexcept;
    void watch_pace(Session& session, Instant now) noexcept;
    [[nodiscard]] bool could_catch_up(const Session& session, Instant now) const noexcept;
    [[nodiscard]] bool has_found_its_pace(Session& session, Instant now) noexcept;
    [[nodiscard]] bool still_crowds(Session& session, Instant now) noexcept;
    void look_at_pace(Instant now) noexcept;

    // shard_rates.cpp: publishers wait whose ident is over its rate.
    void begin_rates(Session& session) noexcept;
    void begin_rates_again() noexcept;
    void spend(Session& session, std::uint64_t frames, std::size_t bytes, Instant now) noexcept;
    void buy_slices(Session& session, Instant now) noexcept;
    void pause_publisher(Session& session, Instant until, Instant now) noexcept;
    void resume_publishers(Instant now) noexcept;
    [[nodiscard]] static bool later(const Deferred& one, const Deferred& other) noexcept {
        return one.due > other.due;
    }

    ShardOptions options_;
    std::size_t frame_bytes_max_;  // of those that are handed out
    std::size_t crowding_bytes_;   // below the high mark, whatever that was set to
    std::size_t doubted_bytes_;    // likewise
    bytes::SlabPool* pool_;
    bytes::ReadBuffer read_buffer_;
    bytes::NodePool nodes_;
    bytes::Slab* control_ = nullptr;  // INFO and ERROR frames are written here
    CounterBook book_;
    ChannelTable channels_;
    LiveKeys live_keys_;
    Effects effects_;
    std::array<TimerList, timer_count> timers_;

    std::vector<std::unique_ptr<Session>> sessions_;
    std::vector<std::uint32_t> vacant_;
    std::size_t deep_count_ = 0;  // sessions that have much queued
    std::size_t session_count_ = 0;
    std::vector<SessionId> torn_tails_;
    std::vector<SessionId> crowding_;
    std::vector<Deferred> deferred_;  // in the order in which they are due
    std::vector<Deferred> rated_;     // a heap: whose time comes first is in front
    std::uint32_t rates_generation_ = 0;
    bool others_crowded_ = false;
    std::size_t route_count_ = 0;
    std::uint64_t fan_outs_marked_ = 0;  // runs that went to a pattern's subscribers
    std::uint64_t news_ = 0;             // how often key stores have told changes
    std::optional<Instant> sweep_due_;   // none while nobody is polled for
    Instant swept_at_{};                 // when the last batch was due
};

}  // namespace hpfeeds::core
