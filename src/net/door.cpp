// SPDX-License-Identifier: Apache-2.0
#include "net/door.hpp"

#include "hpfeeds/error.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace hpfeeds::net {
namespace {

using std::chrono::milliseconds;

// Tags of what is watched: the waker, the listeners, and the addresses of visitors, which are all
// larger.
constexpr std::uint64_t waker_tag = 0;

std::uint64_t listener_tag(std::size_t listener) noexcept {
    return 1 + listener;
}

// Our last word, an alert perhaps, shall reach the peer: a socket that is closed with unread bytes
// takes it back.
void part_from(int fd) noexcept {
    shutdown(fd, SHUT_WR);
    std::array<std::byte, 4096> thrown_away;
    for (std::size_t total = 0; total < discarded_at_door_bytes_max;) {
        const ssize_t count = recv(fd, thrown_away.data(), thrown_away.size(), 0);
        if (count <= 0) return;
        total += static_cast<std::size_t>(count);
    }
}

log::Level level_of(ProxyEnd end) noexcept {
    switch (end) {
        case ProxyEnd::probe:
        case ProxyEnd::shutdown:
            return log::Level::debug;
        case ProxyEnd::peer_left:
            return log::Level::info;
        default:
            return log::Level::warning;
    }
}

log::Level level_of(HandshakeEnd end) noexcept {
    switch (end) {
        case HandshakeEnd::probe:
        case HandshakeEnd::shutdown:
            return log::Level::debug;
        // A silent peer is a probe more often than a sensor (client-quirk 8).
        case HandshakeEnd::silent:
        case HandshakeEnd::peer_left:
            return log::Level::info;
        default:
            return log::Level::warning;
    }
}

}  // namespace

Door::Door(std::vector<DoorListener> listeners, milliseconds deadline, Places& places,
           std::vector<ShardThread*> shards)
    : listeners_(std::move(listeners)),
      deadline_(deadline),
      places_(&places),
      shards_(std::move(shards)) {
    if (!poller_.watch(waker_.fd(), waker_tag, {true, false}))
        throw Error("cannot watch the orders of the door; raise the limit of open files");
}

void Door::run() noexcept {
    pthread_setname_np(pthread_self(), "door");
    // For this thread alone: on Linux a thread has a niceness of its own.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), door_niceness);
    now_ = std::chrono::steady_clock::now();
    watch_listeners();
    while (!stopping_)
        turn();
    while (!visitors_.empty()) {
        Visitor& oldest = visitors_.front();
        oldest.greeting ? dismiss(oldest, ProxyEnd::shutdown)
                        : dismiss(oldest, HandshakeEnd::shutdown);
    }
    hand_over();
    finished_.clear();
    over_.store(true, std::memory_order_release);
}

void Door::post(Order order) noexcept {
    while (!mailbox_.post(order)) {
        if (over_.load(std::memory_order_acquire)) return;
        waker_.wake();
        std::this_thread::yield();
    }
    waker_.wake();
}

void Door::roll_over(std::size_t listener, std::shared_ptr<const TlsContext> context) noexcept {
    post(RollOver{listener, std::move(context)});
}

void Door::stop(bool taken_over) noexcept {
    post(Stop{taken_over});
}

void Door::turn() noexcept {
    std::optional<milliseconds> timeout = patience();
    waker_.going_to_sleep();
    if (!mailbox_.empty()) timeout = milliseconds{0};
    const auto ready = poller_.wait(timeout);
    waker_.woken(std::any_of(ready.begin(), ready.end(),
                             [](const Ready& each) { return each.tag == waker_tag; }));
    now_ = std::chrono::steady_clock::now();
    take_orders();
    hand_over();
    // Visitors first: each is dismissed by its own event alone, so that every address is still one.
    // Newcomers may push the oldest out.
    for (const Ready& each : ready)
        if (each.tag > listeners_.size() && !stopping_)
            advance(*reinterpret_cast<Visitor*>(each.tag));
    for (const Ready& each : ready)
        if (each.tag != waker_tag && each.tag <= listeners_.size()) accept_some(each.tag - 1);
    now_ = std::chrono::steady_clock::now();
    while (!visitors_.empty() && visitors_.front().came_at + deadline_ <= now_) {
        Visitor& late = visitors_.front();
        late.greeting ? dismiss(late, ProxyEnd::deadline)
                      : dismiss(late, late.handshake->end_at_deadline());
    }
    if (accept_rests_ && now_ >= accept_again_) {
        accept_rests_ = false;
        watch_listeners();
    }
}

std::optional<milliseconds> Door::patience() const noexcept {
    std::optional<core::Instant> due;
    const auto sooner = [&](core::Instant other) {
        if (!due || other < *due) due = other;
    };
    if (!visitors_.empty()) sooner(visitors_.front().came_at + deadline_);
    if (accept_rests_) sooner(accept_again_);
    if (!finished_.empty()) sooner(now_ + post_retry);
    if (!due) return std::nullopt;
    return std::chrono::ceil<milliseconds>(std::max(*due - now_, core::Instant::duration::zero()));
}

void Door::take_orders() noexcept {
    Order order;
    while (mailbox_.take(order)) {
        if (auto* next = std::get_if<RollOver>(&order)) {
            listeners_[next->listener].context = std::move(next->context);
        } else if (const auto* stop = std::get_if<Stop>(&order)) {
            stopping_ = true;
            for (auto& each : listeners_)
                if (stop->taken_over) each.listener.file.leave();
        }
    }
    if (!stopping_) return;
    unwatch_listeners();
    listeners_.clear();
}

void Door::watch_listeners() noexcept {
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        if (!poller_.watch(listeners_[i].listener.socket.get(), listener_tag(i), {true, false}))
            log::error("cannot watch a listening socket",
                       {{"endpoint", listeners_[i].listener.label}});
}

void Door::unwatch_listeners() noexcept {
    for (const DoorListener& each : listeners_)
        poller_.unwatch(each.listener.socket.get());
}

// ---- coming in

void Door::accept_some(std::size_t listener) noexcept {
    for (std::size_t taken = 0; taken < accepts_per_turn_max; ++taken) {
        Accepted accepted;
        const AcceptStatus status = accept_one(listeners_[listener].listener, accepted);
        if (status == AcceptStatus::none) return;
        if (status == AcceptStatus::out_of_descriptors) {
            counters_.out_of_descriptors.increment();
            accept_log_.out_of_descriptors(now_);
            unwatch_listeners();
            accept_rests_ = true;
            accept_again_ = now_ + accept_rest;
            return;
        }
        if (takes_place(listener, accepted)) admit(listener, std::move(accepted));
    }
}

bool Door::takes_place(std::size_t listener, Accepted& accepted) noexcept {
    if (!places_->take()) {
        counters_.refused_full.increment();
        accept_log_.full(accepted.peer, places_->taken(), now_);
        return false;
    }
    // Whose address counts behind a balancer is known when the header is there.
    if (listeners_[listener].proxy || takes_place_of_address(accepted)) return true;
    places_->give_back();
    return false;
}

bool Door::takes_place_of_address(Accepted& accepted) noexcept {
    if (places_->take_of(accepted.peer, accepted.address_place)) return true;
    counters_.refused_address_full.increment();
    accept_log_.address_full(accepted.peer, places_->of_address_max(), now_);
    return false;
}

void Door::admit(std::size_t listener, Accepted accepted) noexcept {
    counters_.accepted.increment();
    const DoorListener& where = listeners_[listener];
    if (where.proxy && !where.proxy->trusts(accepted.peer)) return turn_away(listener, accepted);
    if (visitors_.size() >= handshakes_max) crowd_out(visitors_.front());
    const auto visitor = visitors_.insert(
        visitors_.end(), Visitor{std::move(accepted), now_, listener, std::nullopt, std::nullopt});
    visitor->self = visitor;
    if (where.proxy) visitor->greeting.emplace();
    if (where.context) {
        visitor->handshake.emplace(where.context);
        counters_.under_way.add(1);
    }
    if (!poller_.watch(visitor->accepted.socket.get(), reinterpret_cast<std::uint64_t>(&*visitor),
                       visitor->interest))
        crowd_out(*visitor);
}

void Door::advance(Visitor& visitor) noexcept {
    if (visitor.greeting && !hear_greeting(visitor)) return;
    if (visitor.handshake) return shake_hands(visitor);
    poller_.unwatch(visitor.accepted.socket.get());
    let_in(visitor, nullptr);
}

// Whether the visitor is still here and goes on.
bool Door::hear_greeting(Visitor& visitor) noexcept {
    const ProxyGreeting::Step step = visitor.greeting->advance(visitor.accepted.socket.get());
    if (step == ProxyGreeting::Step::wants_read) return false;
    if (step == ProxyGreeting::Step::ended) {
        dismiss(visitor, visitor.greeting->end());
        return false;
    }
    const ProxyHeader header = visitor.greeting->header();
    (header.source  ? counters_.proxied
     : header.local ? counters_.proxied_local
                    : counters_.proxied_unnamed)
        .increment();
    visitor.greeting.reset();
    if (header.source) {
        if (log::enabled(log::Level::debug))
            log::debug("PROXY header read", {{"peer", header.source->text()},
                                             {"balancer", visitor.accepted.peer.text()}});
        visitor.accepted.peer = *header.source;
    }
    // A balancer itself, of which all may come that it does not name, has no such bound.
    if (!header.source || takes_place_of_address(visitor.accepted)) return true;
    part_with(visitor);
    return false;
}

void Door::shake_hands(Visitor& visitor) noexcept {
    const Handshake::Step step = visitor.handshake->advance(visitor.accepted.socket.get());
    if (step == Handshake::Step::done) return let_in_encrypted(visitor);
    if (step == Handshake::Step::ended) return dismiss(visitor, visitor.handshake->end());
    const bool reads = step == Handshake::Step::wants_read;
    const Interest interest{reads, !reads};
    if (interest == visitor.interest) return;
    visitor.interest = interest;
    poller_.change(visitor.accepted.socket.get(), reinterpret_cast<std::uint64_t>(&visitor),
                   interest);
}

// ---- going on

void Door::let_in_encrypted(Visitor& visitor) noexcept {
    counters_.done.increment();
    const bool resumed = visitor.handshake->resumed();
    if (resumed) counters_.resumed.increment();
    const bool tells = log::enabled(log::Level::debug);
    const std::string description = tells ? visitor.handshake->description() : std::string();
    poller_.unwatch(visitor.accepted.socket.get());
    std::unique_ptr<TlsStream> tls = visitor.handshake->take_stream();
    if (tells)
        log::debug("TLS handshake done", {{"peer", visitor.accepted.peer.text()},
                                          {"tls", description},
                                          {"resumed", resumed ? "yes" : "no"},
                                          {"kernel_tls", tls->kernel_sends() ? "yes" : "no"}});
    counters_.under_way.add(-1);
    let_in(visitor, std::move(tls));
}

void Door::let_in(Visitor& visitor, std::unique_ptr<TlsStream> tls) noexcept {
    finished_.push_back({std::move(visitor.accepted), visitor.came_at, std::move(tls)});
    visitors_.erase(visitor.self);
    hand_over();
}

void Door::hand_over() noexcept {
    while (!finished_.empty() && emptiest(shards_).hand_over(finished_.front()))
        finished_.pop_front();
}

void Door::crowd_out(Visitor& visitor) noexcept {
    visitor.greeting ? dismiss(visitor, ProxyEnd::crowded_out)
                     : dismiss(visitor, HandshakeEnd::crowded_out);
}

void Door::dismiss(Visitor& visitor, HandshakeEnd end) noexcept {
    counters_.ended[static_cast<std::size_t>(end)].increment();
    tell(visitor, end);
    part_with(visitor);
}

void Door::dismiss(Visitor& visitor, ProxyEnd end) noexcept {
    const ProxyRefusal refusal = visitor.greeting->header().refusal;
    counters_.greetings_ended[static_cast<std::size_t>(end)].increment();
    if (refusal != ProxyRefusal::none)
        counters_.headers_refused[static_cast<std::size_t>(refusal)].increment();
    tell(visitor.listener, visitor.accepted.peer, end, refusal);
    part_with(visitor);
}

void Door::part_with(Visitor& visitor) noexcept {
    if (visitor.handshake) counters_.under_way.add(-1);
    part_from(visitor.accepted.socket.get());
    places_->give_back();
    visitors_.erase(visitor.self);
}

// Whoever is not believed is not heard.
void Door::turn_away(std::size_t listener, const Accepted& accepted) noexcept {
    counters_.greetings_ended[static_cast<std::size_t>(ProxyEnd::untrusted)].increment();
    tell(listener, accepted.peer, ProxyEnd::untrusted, ProxyRefusal::none);
    part_from(accepted.socket.get());
    places_->give_back();
}

void Door::tell(std::size_t listener, const Address& peer, ProxyEnd end,
                ProxyRefusal refusal) noexcept {
    const log::Level level = level_of(end);
    log::RateLimit& limit = greeting_limits_[static_cast<std::size_t>(end)];
    if (!log::enabled(level) || !limit.admit(second())) return;
    std::vector<log::Field> fields{{"peer", peer.text()}};
    if (listener < listeners_.size())  // none are left at the end
        fields.emplace_back("endpoint", listeners_[listener].listener.label);
    fields.emplace_back("reason", label(end));
    if (refusal != ProxyRefusal::none) fields.emplace_back("header", label(refusal));
    fields.emplace_back("why", refusal == ProxyRefusal::none ? describe(end) : describe(refusal));
    if (const std::uint64_t held_back = limit.take_held_back())
        fields.emplace_back("similar_lines_held_back", held_back);
    log::write(level, "connection refused", fields);
}

void Door::tell(const Visitor& visitor, HandshakeEnd end) noexcept {
    const log::Level level = level_of(end);
    log::RateLimit& limit = end_limits_[static_cast<std::size_t>(end)];
    if (!log::enabled(level) || !limit.admit(second())) return;
    std::vector<log::Field> fields{{"peer", visitor.accepted.peer.text()}};
    if (visitor.listener < listeners_.size())  // none are left at the end
        fields.emplace_back("endpoint", listeners_[visitor.listener].listener.label);
    fields.emplace_back("reason", label(end));
    fields.emplace_back("why", describe(end));
    if (!visitor.handshake->detail().empty())
        fields.emplace_back("detail", visitor.handshake->detail());
    if (const std::uint64_t held_back = limit.take_held_back())
        fields.emplace_back("similar_lines_held_back", held_back);
    log::write(level, "TLS handshake failed", fields);
}

std::uint64_t Door::second() const noexcept {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch()).count());
}

}  // namespace hpfeeds::net
