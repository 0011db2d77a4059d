// SPDX-License-Identifier: Apache-2.0
#include "bench_worker.hpp"

#include "bench_stamp.hpp"
#include "hpfeeds/error.hpp"
#include "output.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hpfeeds::cli::bench {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::uint64_t probe_every_ns = 20'000'000;
constexpr std::uint64_t look_around_ns = 5'000'000;  // for a new phase

}  // namespace

Worker::Worker(const Plan& plan, Board& board)
    : plan_(plan),
      board_(board),
      room_(Subscriber::head_bytes_max + read_bytes),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw Error(std::string("epoll_create1 failed: ") + std::strerror(errno));
    for (std::size_t i = 0; i < plan.kinds.size(); ++i)
        notes_.latencies.push_back(std::make_unique<Histogram>());
}

Worker::~Worker() {
    join();
    close(epoll_);
}

void Worker::add(Role role, unsigned number) {
    Peer& peer = peers_.emplace_back(role, plan_, board_);
    if (role == Role::subscriber) peer.ears.listen();
    if (role == Role::publisher) {
        peer.publisher = std::make_unique<Publisher>(plan_, number);
        publishers_.push_back(&peer);
    }
}

void Worker::start() {
    thread_ = std::thread([this] { run(); });
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
}

void Worker::collect_sent(std::span<std::uint64_t> sent) const {
    for (const Peer* peer : publishers_)
        sent[peer->publisher->number()] = peer->publisher->sequence();
}

std::uint64_t Worker::lost(std::span<const std::uint64_t> sent) const {
    std::uint64_t sum = 0;
    for (const Peer& peer : peers_)
        sum += peer.ears.lost(sent);
    return sum;
}

// ---- the loop

void Worker::run() {
    // The timer shall be as exact as the system can have it: latency counts from the due time.
    prctl(PR_SET_TIMERSLACK, 1);
    Phase seen = Phase::connect;
    for (Phase phase = seen; phase != Phase::done; phase = board_.phase.load()) {
        if (phase != seen) enter(seen = phase);
        serve(phase);
    }
    for (Peer& peer : peers_)
        peer.wire.close();
}

void Worker::serve(Phase phase) {
    std::uint64_t now = now_ns();
    if (phase == Phase::connect) open_more();
    if (phase == Phase::probe) probe(now);
    if (phase == Phase::run) send_due(now);
    end_pauses(now);

    now = now_ns();
    const timespec wait{0, static_cast<long>(patience_ns(phase, now))};
    std::array<epoll_event, 512> events;
    const int count = epoll_pwait2(epoll_, events.data(), events.size(), &wait, nullptr);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        handle(*static_cast<Peer*>(event.data.ptr), event.events);
    }
    read_on();
}

void Worker::enter(Phase phase) {
    const std::uint64_t now = now_ns();
    for (Peer* peer : publishers_) {
        if (phase == Phase::run) {
            peer->publisher->start(now);
            await_due(*peer);
            watch(*peer);
        } else if (phase == Phase::drain) {
            peer->publisher->stop();
            watch(*peer);
        }
    }
}

std::uint64_t Worker::patience_ns(Phase phase, std::uint64_t now) const {
    if (!unread_.empty()) return 0;
    std::uint64_t until = now + look_around_ns;
    if (phase == Phase::run && !due_.empty()) until = std::min(until, due_.top().first);
    if (!pausing_.empty()) until = std::min(until, pausing_.front().first);
    return until > now ? until - now : 0;
}

// ---- connecting

void Worker::open_more() {
    while (opening_ < plan_.options.connecting && next_unopened_ < peers_.size() &&
           !board_.failed())
        open(peers_[next_unopened_++]);
}

void Worker::open(Peer& peer) {
    const int made = socket(plan_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) return board_.fail(std::string("cannot make a socket: ") + std::strerror(errno));
    peer.wire.take(made);
    const int one = 1;
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer.state = Peer::State::connecting;
    ++opening_;
    const auto* address = reinterpret_cast<const sockaddr*>(&plan_.address);
    if (connect(made, address, plan_.address_bytes) < 0 && errno != EINPROGRESS)
        return lost(peer, std::strerror(errno));
    epoll_event event{};
    event.events = peer.interest = EPOLLIN | EPOLLOUT;
    event.data.ptr = &peer;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, made, &event);
}

void Worker::connected(Peer& peer) {
    int error = 0;
    socklen_t bytes = sizeof error;
    getsockopt(peer.wire.descriptor(), SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error != 0) return lost(peer, std::strerror(error));
    if (plan_.tls && !plan_.dialect->greets_in_the_clear()) return secure(peer);
    peer.state = Peer::State::greeting;
    if (!plan_.dialect->broker_speaks_first()) greet(peer, {});
}

void Worker::secure(Peer& peer) {
    peer.wire.encrypt(plan_.options.client.destination.host, plan_.tls);
    peer.state = Peer::State::securing;
    shake_hands(peer);
}

void Worker::shake_hands(Peer& peer) {
    const Wire::Step step = peer.wire.handshake();
    if (step == Wire::Step::waits) return;
    if (step == Wire::Step::ended) return lost(peer, peer.wire.why());
    board_.note_tls(peer.wire.description());
    if (plan_.dialect->greets_in_the_clear()) return become_ready(peer);
    peer.state = Peer::State::greeting;
    if (plan_.dialect->broker_speaks_first())
        receive(peer);  // the greeting may have been read with the handshake's end
    else
        greet(peer, {});
}

void Worker::greet(Peer& peer, std::string_view heard) {
    peer.rest.append(heard);
    const Dialect::Greeted greeted = plan_.dialect->greet(peer.rest);
    if (!greeted.failure.empty()) return lost(peer, std::string(greeted.failure));
    if (greeted.used == 0 && plan_.dialect->broker_speaks_first()) {
        if (peer.rest.size() >= Subscriber::head_bytes_max) lost(peer, "its greeting has no end");
        return;
    }
    peer.rest.erase(0, greeted.used);
    peer.out += greeted.answer;
    if (peer.role == Role::subscriber || peer.role == Role::stalled)
        peer.out += plan_.subscriptions;
    if (plan_.tls && !peer.wire.is_encrypted()) return secure(peer);
    become_ready(peer);
}

void Worker::become_ready(Peer& peer) {
    peer.state = Peer::State::ready;
    --opening_;
    board_.ready.fetch_add(1);
}

// ---- events

void Worker::handle(Peer& peer, std::uint32_t events) {
    using State = Peer::State;
    const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (peer.state == State::connecting && (failed || (events & EPOLLOUT)))
        connected(peer);
    else if (peer.state == State::securing)
        shake_hands(peer);
    if (peer.state == State::securing) return watch(peer);
    if (peer.state == State::closed) return;
    const bool stalled = peer.role == Role::stalled && peer.state == State::ready;
    if (stalled && failed)
        lost(peer, {});
    else if (!stalled && (failed || (events & EPOLLIN)))
        receive(peer);
    if (peer.state == State::closed || peer.state == State::connecting) return;
    if (peer.state == State::securing) return watch(peer);
    if ((events & EPOLLOUT) || !peer.out.empty()) send_some(peer);
    if (peer.state != State::closed) watch(peer);
}

void Worker::watch(Peer& peer) {
    if (!peer.wire.is_open()) return;
    const bool ready = peer.state == Peer::State::ready;
    const bool reads = !(ready && peer.role == Role::stalled) && !peer.reading_rests;
    bool writes = peer.state == Peer::State::connecting || peer.wire.wants_room() ||
                  (peer.state != Peer::State::securing && !peer.out.empty());
    if (peer.publisher && ready) {
        const bool floods = !peer.publisher->paced() && !peer.publisher->ended() &&
                            board_.phase.load(std::memory_order_relaxed) == Phase::run;
        writes = writes || floods || !peer.publisher->empty();
    }
    const std::uint32_t wanted =
        (reads ? std::uint32_t{EPOLLIN} : 0U) | (writes ? std::uint32_t{EPOLLOUT} : 0U);
    if (wanted == peer.interest) return;
    epoll_event event{};
    event.events = peer.interest = wanted;
    event.data.ptr = &peer;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, peer.wire.descriptor(), &event);
}

// A stalled subscriber that is cut, and anybody who is at the end, is no failure.
void Worker::lost(Peer& peer, const std::string& why) {
    const bool was_ready = peer.state == Peer::State::ready;
    if (!was_ready) --opening_;
    peer.state = Peer::State::closed;
    peer.wire.close();
    if (was_ready && peer.role == Role::stalled) {
        board_.cut_stalled.fetch_add(1);
        return;
    }
    constexpr std::array<std::string_view, 4> names = {"publisher", "subscriber",
                                                       "quiet connection", "stalled subscriber"};
    const std::string who(names[static_cast<std::size_t>(peer.role)]);
    const std::string broker = plan_.options.client.destination.text();
    if (!peer.ears.refusal().empty())
        board_.fail("the broker refused a " + who + ": " + one_line(peer.ears.refusal()));
    else if (!was_ready)
        board_.fail("cannot connect a " + who + " to " + broker + ": " +
                    (why.empty() ? "the broker closed the connection" : why));
    else
        board_.fail("lost the connection of a " + who + " to " + broker + ": " +
                    (why.empty() ? "the broker closed it" : why));
}

// ---- receiving

void Worker::receive(Peer& peer) {
    const bool greeting = peer.state != Peer::State::ready;
    const std::size_t held = greeting ? 0 : peer.rest.size();
    char* const begin = room_.data() + Subscriber::head_bytes_max - held;
    std::size_t received = 0;
    const Wire::Step step = peer.wire.read({begin + held, read_bytes}, received);
    if (step == Wire::Step::waits) return;
    if (step == Wire::Step::ended) return lost(peer, peer.wire.why());
    if (peer.wire.has_more()) await_read(peer);
    if (greeting) {
        greet(peer, {begin, received});
        if (peer.state != Peer::State::ready || peer.rest.empty()) return;
        std::string heard;
        heard.swap(peer.rest);
        if (!peer.ears.hear(heard, now_ns(), notes_, peer.out, peer.rest))
            lost(peer, "what it sends is no such dialect");
        return;
    }
    std::memcpy(begin, peer.rest.data(), held);
    peer.rest.clear();
    if (!peer.ears.hear({begin, held + received}, now_ns(), notes_, peer.out, peer.rest))
        return lost(peer, "what it sends cannot be understood");
    if (peer.role == Role::subscriber && plan_.options.pause.count() > 0 &&
        board_.phase.load(std::memory_order_relaxed) == Phase::run) {
        peer.reading_rests = true;
        const auto pause = std::chrono::nanoseconds(plan_.options.pause).count();
        pausing_.emplace_back(now_ns() + static_cast<std::uint64_t>(pause), &peer);
    }
}

void Worker::await_read(Peer& peer) {
    if (!std::exchange(peer.awaits_read, true)) unread_.push_back(&peer);
}

// One more read for each, as epoll would have it.
void Worker::read_on() {
    reading_.swap(unread_);
    for (Peer* peer : reading_) {
        peer->awaits_read = false;
        if (!peer->reading_rests) handle(*peer, EPOLLIN);
    }
    reading_.clear();
}

void Worker::end_pauses(std::uint64_t now) {
    while (!pausing_.empty() && pausing_.front().first <= now) {
        Peer& peer = *pausing_.front().second;
        pausing_.pop_front();
        peer.reading_rests = false;
        if (peer.wire.has_more()) await_read(peer);
        watch(peer);
    }
}

// ---- sending

void Worker::probe(std::uint64_t now) {
    if (now - last_probe_ns_ < probe_every_ns) return;
    last_probe_ns_ = now;
    for (Peer* peer : publishers_) {
        const Publisher& publisher = *peer->publisher;
        if (peer->state != Peer::State::ready || !peer->out.empty()) continue;
        if (board_.probes_seen[publisher.number()].load() >= plan_.options.subscribers) continue;
        peer->out = publisher.probe(now);
        send_some(*peer);
        watch(*peer);
    }
}

void Worker::send_due(std::uint64_t now) {
    while (!due_.empty() && due_.top().first <= now) {
        Peer& peer = *due_.top().second;
        due_.pop();
        peer.awaits_due = false;
        if (peer.state != Peer::State::ready) continue;
        send_some(peer);
        if (peer.state == Peer::State::ready) watch(peer);
    }
}

// A publisher whose socket is full has a batch under way; it is due again when that is sent.
void Worker::await_due(Peer& peer) {
    const Publisher& publisher = *peer.publisher;
    if (peer.awaits_due || !publisher.paced() || !publisher.empty() || publisher.ended()) return;
    peer.awaits_due = true;
    due_.emplace(publisher.due_ns(), &peer);
}

// Login, subscriptions and probes; true when there is nothing more of them to be sent.
bool Worker::send_out(Peer& peer) {
    while (!peer.out.empty()) {
        std::size_t taken = 0;
        const Wire::Step step = peer.wire.write(peer.out, taken);
        // What the broker said before it closed is still to be read: that tells why.
        if (step == Wire::Step::ended) peer.out.clear();
        if (step != Wire::Step::moved) return false;
        peer.out.erase(0, taken);
    }
    return true;
}

void Worker::send_some(Peer& peer) {
    if (peer.wire.write_owed() != Wire::Step::moved) return;
    // A reply never lands in the middle of a batch's frame.
    const bool between_batches = !peer.publisher || peer.publisher->empty();
    if (between_batches && !send_out(peer)) return;
    if (!peer.publisher || peer.state != Peer::State::ready) return;
    Publisher& publisher = *peer.publisher;
    const bool runs = board_.phase.load(std::memory_order_relaxed) == Phase::run;
    if (!runs && publisher.empty()) return;
    const std::string_view pending = publisher.pending(now_ns());
    if (!pending.empty()) {
        std::size_t taken = 0;
        const Wire::Step step = peer.wire.write(pending, taken);
        if (step == Wire::Step::ended) return lost(peer, peer.wire.why());
        if (step == Wire::Step::waits) return;
        notes_.tallies.published.add(publisher.sent(taken));
    }
    if (publisher.ended() && !std::exchange(peer.counted_ended, true))
        board_.ended_publishers.fetch_add(1);
    await_due(peer);
}

}  // namespace hpfeeds::cli::bench
