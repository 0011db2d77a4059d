// SPDX-License-Identifier: Apache-2.0
// door.hpp: where connections come in that have something to do before they are sessions: say for
// whom they come, if a balancer makes them (proxy=v2), and the TLS handshake. A thread that accepts
// them, and hands over those that are done.
//
//   accept ─> PROXY header ─> first bytes ─> handshake ─> a shard, by message: it opens the session
//   and says INFO
//
// A handshake is a millisecond of arithmetic with a stranger's numbers: no shard ever waits for
// one. The login deadline begins with accepting and goes on in the shard. A connection counts
// against
// --max-connections from here on. When too many stand in the door the oldest goes.
//
// Threads    run() is the thread; roll_over() and stop() may be called by any thread but a shard's;
// counters may be read by any.
// Ownership  sockets until they are handed over.
// Errors     the constructor throws hpfeeds::Error; run() does not throw.
#pragma once

#include "core/session.hpp"
#include "log/log.hpp"
#include "metrics/counter.hpp"
#include "net/accept_log.hpp"
#include "net/handshake.hpp"
#include "net/limits.hpp"
#include "net/listener.hpp"
#include "net/mailbox.hpp"
#include "net/places.hpp"
#include "net/poller.hpp"
#include "net/proxy_greeting.hpp"
#include "net/shard_thread.hpp"
#include "net/tls_context.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace hpfeeds::net {

struct DoorListener {
    Listener listener;
    std::shared_ptr<const TlsContext> context;  // null: no TLS
    std::optional<ProxyTerms> proxy = {};       // none: no PROXY header
};

// One writer, the door.
struct DoorCounters {
    metrics::Counter accepted;
    metrics::Counter done;
    metrics::Counter resumed;  // of those
    std::array<metrics::Counter, handshake_end_count> ended;
    metrics::Counter proxied;          // PROXY headers that named a peer,
    metrics::Counter proxied_local;    // those of balancers that speak for themselves,
    metrics::Counter proxied_unnamed;  // and those that did not say for whom
    std::array<metrics::Counter, proxy_end_count> greetings_ended;
    std::array<metrics::Counter, proxy_refusal_count> headers_refused;
    metrics::Counter refused_full;
    metrics::Counter refused_address_full;
    metrics::Counter out_of_descriptors;
    metrics::Gauge under_way;
};

class Door {
public:
    Door(std::vector<DoorListener> listeners, std::chrono::milliseconds deadline, Places& places,
         std::vector<ShardThread*> shards);
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    void run() noexcept;

    // Handshakes of the listener numbered `listener` that begin from now on show `context`.
    void roll_over(std::size_t listener, std::shared_ptr<const TlsContext> context) noexcept;
    // Ends run(): nothing more is accepted, and handshakes under way are broken off.
    // `taken_over`: another process goes on with the listening sockets.
    void stop(bool taken_over = false) noexcept;

    [[nodiscard]] const DoorCounters& counters() const noexcept { return counters_; }

private:
    struct Visitor;
    using Visitors = std::list<Visitor>;  // the oldest first
    struct Visitor {
        Accepted accepted;
        core::Instant came_at;
        std::size_t listener;
        std::optional<ProxyGreeting> greeting;  // until it is done
        std::optional<Handshake> handshake;     // with TLS
        Interest interest{true, false};
        Visitors::iterator self{};
    };
    struct RollOver {
        std::size_t listener = 0;
        std::shared_ptr<const TlsContext> context;
    };
    struct Stop {
        bool taken_over = false;
    };
    using Order = std::variant<std::monostate, RollOver, Stop>;

    void post(Order order) noexcept;
    void turn() noexcept;
    [[nodiscard]] std::optional<std::chrono::milliseconds> patience() const noexcept;
    void take_orders() noexcept;
    void watch_listeners() noexcept;
    void unwatch_listeners() noexcept;
    void accept_some(std::size_t listener) noexcept;
    [[nodiscard]] bool takes_place(std::size_t listener, Accepted& accepted) noexcept;
    [[nodiscard]] bool takes_place_of_address(Accepted& accepted) noexcept;
    void admit(std::size_t listener, Accepted accepted) noexcept;
    void advance(Visitor& visitor) noexcept;
    [[nodiscard]] bool hear_greeting(Visitor& visitor) noexcept;
    void shake_hands(Visitor& visitor) noexcept;
    void let_in_encrypted(Visitor& visitor) noexcept;
    void let_in(Visitor& visitor, std::unique_ptr<TlsStream> tls) noexcept;
    void hand_over() noexcept;
    void crowd_out(Visitor& visitor) noexcept;
    void dismiss(Visitor& visitor, HandshakeEnd end) noexcept;
    void dismiss(Visitor& visitor, ProxyEnd end) noexcept;
    void part_with(Visitor& visitor) noexcept;
    void turn_away(std::size_t listener, const Accepted& accepted) noexcept;
    void tell(const Visitor& visitor, HandshakeEnd end) noexcept;
    void tell(std::size_t listener, const Address& peer, ProxyEnd end,
              ProxyRefusal refusal) noexcept;
    [[nodiscard]] std::uint64_t second() const noexcept;

    std::vector<DoorListener> listeners_;
    std::chrono::milliseconds deadline_;
    Places* places_;
    std::vector<ShardThread*> shards_;
    Poller poller_;
    Waker waker_;
    Mailbox<Order> mailbox_{door_messages_max};
    DoorCounters counters_;
    std::array<log::RateLimit, handshake_end_count> end_limits_;
    std::array<log::RateLimit, proxy_end_count> greeting_limits_;
    AcceptLog accept_log_;

    Visitors visitors_;
    std::deque<Adopt> finished_;  // wait for a shard whose mailbox is full
    core::Instant now_{};
    core::Instant accept_again_{};
    bool accept_rests_ = false;
    bool stopping_ = false;
    std::atomic<bool> over_{false};
};

}  // namespace hpfeeds::net
