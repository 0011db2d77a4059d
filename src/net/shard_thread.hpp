// SPDX-License-Identifier: Apache-2.0
// shard_thread.hpp: one thread with its core::Shard, its sockets and its mailbox. The turn:
//
//   wait ─> take the mailbox ─> write to late readers ─> read what is readable, up to a bound
//   ─> tick ─> carry out effects: look up, post to other shards, flush the dirty, say goodbye, tell
//   the log, close ─> wait
//
// Threads    run() is the thread; post(), place() and the counters may be used by any thread.
// Ownership  sockets live in connections_, at the index of their session. The pool is this shard's
//            and must outlive all shards: what one has received, others may hold until they go.
//
// Errors     the constructor throws hpfeeds::Error; the turn does not throw, and never blocks but
//            in its poller.
#pragma once

#include "bytes/slab_pool.hpp"
#include "core/shard.hpp"
#include "metrics/time_histogram.hpp"
#include "net/accept_log.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/incident_log.hpp"
#include "net/limits.hpp"
#include "net/listener.hpp"
#include "net/mailbox.hpp"
#include "net/places.hpp"
#include "net/poller.hpp"
#include "net/survey.hpp"
#include "net/tls_stream.hpp"
#include "net/transport.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace hpfeeds::net {

// What crosses into a shard.
struct Adopt {  // a connection that was accepted elsewhere
    Accepted accepted;
    core::Instant accepted_at;
    std::unique_ptr<TlsStream> tls;  // null: plain TCP
};
struct Deliver {  // a run for listeners here, checked by the shard that received it
    bytes::FrameRef run;
    std::uint32_t frames = 0;
    std::uint64_t payload_bytes = 0;
};
struct Announced {
    unsigned shard = 0;
    core::Announcement announcement;
};
struct KeyNews {  // accounts of these idents have changed; null: any may have
    std::shared_ptr<const std::vector<std::string>> idents;
};
struct Retune {  // other limits
    std::shared_ptr<const core::Limits> limits;
    bool tell_everything = false;
};
struct Quiesce {              // stop accepting and reading; count down when everything is posted
    bool taken_over = false;  // another process goes on with the listening sockets
};
struct CloseAll {
    core::Instant deadline;
};
using Message = std::variant<std::monostate, Adopt, Deliver, Announced, core::AccountAnswer,
                             KeyNews, Look, Retune, Quiesce, CloseAll>;

// Asks the key stores; false when too many logins wait. Called by shard threads; must not block.
using LookUp = std::function<bool(unsigned shard, const core::LookupRequest& request)>;

// Numbers of the engine itself; one writer, the shard.
struct EngineCounters {
    metrics::Counter turns;
    metrics::Counter accepted;
    metrics::Counter refused_full;  // connections for which there was no place, closed at once
    metrics::Counter refused_address_full;  // … for whose address there was none
    metrics::Counter out_of_descriptors;
    metrics::Counter mailbox_full;      // posts that had to wait
    metrics::Counter lent_bytes;        // that sockets took without a copy
    metrics::Counter tls_violations;    // TLS connections that ended by a broken record or an alert
    metrics::TimeHistogram turn_times;  // without the waiting
};

class ShardThread {
public:
    ShardThread(core::ShardOptions shard_options, bytes::SlabPool& pool, Places& places,
                LookUp look_up);
    ~ShardThread();
    ShardThread(const ShardThread&) = delete;
    ShardThread& operator=(const ShardThread&) = delete;

    // Before run(): all shards of the broker, this one included, in order.
    void join(std::vector<ShardThread*> shards) { shards_ = std::move(shards); }
    // Before run(): this shard accepts for all.
    void accept_from(std::vector<Listener> listeners) { listeners_ = std::move(listeners); }

    void run() noexcept;

    // Any thread. Waits while the mailbox is full, so never from a shard's thread; a shard whose
    // run() is over drops it.
    void post(Message message) noexcept;
    // Any thread: a connection that has its place. False while the mailbox is full; it then stays
    // the caller's.
    [[nodiscard]] bool hand_over(Adopt& connection) noexcept;
    // Any thread: the shard will answer the survey, if it is not over before. False while the
    // mailbox is full.
    [[nodiscard]] bool ask(Look look) noexcept;
    // Any thread: a turn begins soon, even if there is nothing to do.
    void wake() noexcept { waker_.wake(); }
    [[nodiscard]] bool over() const noexcept { return over_.load(std::memory_order_acquire); }

    [[nodiscard]] std::size_t connection_count() const noexcept {
        return connection_count_.load(std::memory_order_relaxed);
    }
    // Whether everything that this shard had for others has been posted after Quiesce.
    [[nodiscard]] bool quiet() const noexcept { return quiet_.load(std::memory_order_acquire); }
    [[nodiscard]] const core::CounterBook& counters() const noexcept { return shard_.counters(); }
    [[nodiscard]] const EngineCounters& engine_counters() const noexcept {
        return engine_counters_;
    }

private:
    struct Connection {
        Descriptor socket;
        Address peer;
        std::uint32_t generation = 0;
        core::Instant accepted_at{};
        Interest interest;
        bool watched = false;
        bool wants_writing = false;
        bool unread_noted = false;       // in unread_
        std::unique_ptr<TlsStream> tls;  // null: plain TCP
        core::PlaceTable::Place address_place;
    };
    struct Outgoing {
        unsigned shard;
        Message message;
    };

    void turn() noexcept;
    void wait() noexcept;
    [[nodiscard]] std::optional<std::chrono::milliseconds> patience() noexcept;
    void take_mailbox() noexcept;
    void tell_of_room(std::size_t bytes) noexcept;
    void take(Message& message) noexcept;
    void handle_ready() noexcept;
    void handle(const Ready& ready) noexcept;
    void write_on(core::SessionId id) noexcept;
    [[nodiscard]] bool may_read_more() noexcept;
    [[nodiscard]] bool others_are_crowded() const noexcept;
    void share_crowding() noexcept;
    void write_down(Survey& survey) noexcept;  // shard_survey.cpp
    void housekeep() noexcept;

    // shard_connections.cpp: accepting and placing.
    void accept_some(std::size_t listener) noexcept;
    void place(Accepted accepted) noexcept;
    void adopt(Adopt adopted) noexcept;
    [[nodiscard]] wire::Nonce next_nonce() noexcept;

    // One connection.
    [[nodiscard]] Connection* find(core::SessionId id) noexcept;
    void read(core::SessionId id) noexcept;
    void read_on() noexcept;
    void note_unread(core::SessionId id) noexcept;
    void flush(core::SessionId id) noexcept;
    [[nodiscard]] Transfer write(Connection& connection, const bytes::SendQueue& queue) noexcept;
    [[nodiscard]] std::optional<Transfer> lend(int fd, const bytes::Piece& piece) noexcept;
    void update_interest(core::SessionId id) noexcept;
    void say_goodbye(Connection& connection) noexcept;
    void close(Connection& connection) noexcept;

    // Effects.
    void carry_out() noexcept;
    void look_up() noexcept;
    void forward() noexcept;
    void send_out(unsigned shard, Message message) noexcept;
    [[nodiscard]] bool post_to(ShardThread& other, Message& message) noexcept;
    void post_waiting() noexcept;
    void tell() noexcept;
    void close_ended() noexcept;

    // Tags of what is watched: a session's index and generation; or, counted from the top, the
    // waker and the listeners.
    static constexpr std::uint64_t waker_tag = ~std::uint64_t{0};
    [[nodiscard]] static std::uint64_t tag_of(core::SessionId id) noexcept {
        return std::uint64_t{id.generation} << 32 | id.index;
    }
    [[nodiscard]] static core::SessionId session_of(std::uint64_t tag) noexcept {
        return {static_cast<std::uint32_t>(tag), static_cast<std::uint32_t>(tag >> 32)};
    }
    [[nodiscard]] static std::uint64_t listener_tag(std::size_t listener) noexcept {
        return waker_tag - 1 - listener;
    }

    unsigned index_;
    Places* places_;
    bytes::SlabPool& pool_;
    core::Shard shard_;
    LookUp look_up_;
    Poller poller_;
    Waker waker_;
    Mailbox<Message> mailbox_{mailbox_messages_max};
    std::atomic<std::size_t> mailed_bytes_{0};  // of the runs in it, or about to be
    TlsScratch tls_scratch_;
    IncidentLog incident_log_;
    AcceptLog accept_log_;
    EngineCounters engine_counters_;

    std::vector<ShardThread*> shards_;
    std::vector<Listener> listeners_;
    std::vector<Connection> connections_;
    std::vector<Outgoing> waiting_;        // messages for shards whose mailbox was full
    std::vector<core::SessionId> unread_;  // have more for us than epoll knows, and are wanted
    std::vector<core::SessionId> reading_on_;
    std::vector<core::SessionId> scratch_;
    std::span<const Ready> ready_;  // in this turn
    std::size_t read_bytes_ = 0;    // in this turn
    bool had_events_ = false;
    std::vector<wire::Nonce> nonces_;

    core::Instant now_{};
    core::Instant housekeeping_due_{};
    core::Instant accept_again_{};
    core::Instant deadline_{};
    bool accept_rests_ = false;
    bool housekeeping_ = false;
    bool quiescing_ = false;
    bool looks_again_ = false;  // who was waited for has caught up while we told that we wait
    bool closing_ = false;
    std::atomic<bool> quiet_{false};
    std::atomic<bool> over_{false};
    std::atomic<bool> crowded_{false};
    std::atomic<bool> waits_{false};   // for room in another shard's mailbox
    std::atomic<bool> defers_{false};  // a publisher here waits for readers, of whichever shard
    std::atomic<std::size_t> connection_count_{0};
};

// The policy of placing: the shard with the fewest connections. Requires: at least one shard.
[[nodiscard]] ShardThread& emptiest(std::span<ShardThread* const> shards) noexcept;

}  // namespace hpfeeds::net
