// SPDX-License-Identifier: Apache-2.0
// bench_worker.hpp: one thread of a bench: its connections, and the loop that serves them.
//
// It must never be what is measured, so: large reads into one room that all its connections share,
// one write per batch, no look at a payload behind its stamp.
//
// Threads    add() and the results belong to whoever directs the bench, before start() and after
//            join(); notes() may be read at any time.
// Errors     told to the Board; a connection that ends when it should not is one.
#pragma once

#include "bench_board.hpp"
#include "bench_plan.hpp"
#include "bench_publisher.hpp"
#include "bench_subscriber.hpp"
#include "bench_wire.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::cli::bench {

enum class Role : std::uint8_t { publisher, subscriber, idle, stalled };

class Worker {
public:
    Worker(const Plan& plan, Board& board);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // `number` among those of its role.
    void add(Role role, unsigned number);
    void start();
    void join();

    [[nodiscard]] const Notes& notes() const noexcept { return notes_; }
    // After join(): what each of its publishers sent, at the publisher's number.
    void collect_sent(std::span<std::uint64_t> sent) const;
    [[nodiscard]] std::uint64_t lost(std::span<const std::uint64_t> sent) const;

private:
    struct Peer {
        enum class State : std::uint8_t { unopened, connecting, securing, greeting, ready, closed };
        Peer(Role whose, const Plan& plan, Board& board) : role(whose), ears(plan, board) {}

        Role role;
        State state = State::unopened;
        bool reading_rests = false;  // until its pause is over
        bool counted_ended = false;
        bool awaits_due = false;   // a publisher that stands in due_
        bool awaits_read = false;  // it stands in unread_
        std::uint32_t interest = 0;
        Wire wire;
        Subscriber ears;
        std::unique_ptr<Publisher> publisher;
        std::string rest;  // heard and not yet understood
        std::string out;   // said before any batch: login, subscriptions, probes
    };

    void run();
    void serve(Phase phase);
    void enter(Phase phase);
    [[nodiscard]] std::uint64_t patience_ns(Phase phase, std::uint64_t now) const;

    void open_more();
    void open(Peer& peer);
    void connected(Peer& peer);
    void secure(Peer& peer);
    void shake_hands(Peer& peer);
    void greet(Peer& peer, std::string_view heard);
    void become_ready(Peer& peer);
    void handle(Peer& peer, std::uint32_t events);
    void receive(Peer& peer);
    void await_read(Peer& peer);
    void read_on();
    void send_some(Peer& peer);
    [[nodiscard]] bool send_out(Peer& peer);
    void watch(Peer& peer);
    void lost(Peer& peer, const std::string& why);
    void probe(std::uint64_t now);
    void send_due(std::uint64_t now);
    void await_due(Peer& peer);
    void end_pauses(std::uint64_t now);

    const Plan& plan_;
    Board& board_;
    Notes notes_;
    std::deque<Peer> peers_;
    std::vector<Peer*> publishers_;
    std::size_t next_unopened_ = 0;
    unsigned opening_ = 0;
    std::uint64_t last_probe_ns_ = 0;
    // Publishers with a rate, by when their next message is due.
    using Due = std::pair<std::uint64_t, Peer*>;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    std::deque<Due> pausing_;     // subscribers, by when they read again
    std::vector<Peer*> unread_;   // whose wire has more, and epoll does not know
    std::vector<Peer*> reading_;  // of a turn
    std::vector<char> room_;      // its front holds what was not understood of the last read
    int epoll_ = -1;
    std::thread thread_;
};

}  // namespace hpfeeds::cli::bench
