// SPDX-License-Identifier: Apache-2.0
#include "net/shard_thread.hpp"

#include "net/transport.hpp"

#include <poll.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

namespace hpfeeds::net {
namespace {

using std::chrono::milliseconds;

// Tags of what is watched: a session's index and generation; or, counted from the top, the waker
// and the listeners.
constexpr std::uint64_t waker_tag = ~std::uint64_t{0};

std::uint64_t tag_of(core::SessionId id) noexcept {
    return std::uint64_t{id.generation} << 32 | id.index;
}
core::SessionId session_of(std::uint64_t tag) noexcept {
    return {static_cast<std::uint32_t>(tag), static_cast<std::uint32_t>(tag >> 32)};
}
std::uint64_t listener_tag(std::size_t listener) noexcept {
    return waker_tag - 1 - listener;
}

}  // namespace

ShardThread::ShardThread(core::ShardOptions shard_options, EngineOptions options,
                         bytes::MemoryBudget& budget, LookUp look_up)
    : index_(shard_options.shard),
      options_(options),
      pool_(budget),
      shard_(std::move(shard_options), pool_),
      look_up_(std::move(look_up)) {
    if (!poller_.watch(waker_.fd(), waker_tag, {true, false}))
        throw Error("cannot watch the mailbox of a shard; raise the limit of open files");
}

ShardThread::~ShardThread() = default;

void ShardThread::run() noexcept {
    pool_.bind_to_this_thread();
    now_ = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        if (!poller_.watch(listeners_[i].socket.get(), listener_tag(i), {true, false}))
            log::error("cannot watch a listening socket", {{"endpoint", listeners_[i].label}});
    while (!closing_ || (shard_.session_count() > 0 && now_ < deadline_))
        turn();
    for (Connection& connection : connections_)
        connection.socket.reset();
    over_.store(true, std::memory_order_release);
}

void ShardThread::post(Message message) noexcept {
    while (!mailbox_.post(message)) {
        if (over()) return;
        waker_.wake();
        std::this_thread::yield();
    }
    waker_.wake();
}

void ShardThread::turn() noexcept {
    wait();
    engine_counters_.turns.increment();
    take_mailbox();
    for (const Ready& ready : ready_) {
        handle(ready);
        // A publisher is slowed before a run is lost: nothing more is read until the others have
        // taken what they have.
        if (!shard_.effects().forwards.empty()) forward();
        if (!waiting_.empty()) break;
        if (pool_.budget().exceeded()) shard_.relieve_memory(now_);
    }
    if (shards_.size() > 1) share_crowding();
    shard_.tick(now_);
    carry_out();
    housekeep();
    if (quiescing_ && waiting_.empty() && !quiet_.load(std::memory_order_relaxed))
        quiet_.store(true, std::memory_order_release);
}

// ---- waiting

std::optional<milliseconds> ShardThread::patience() noexcept {
    std::optional<core::Instant> due = shard_.next_due();
    const auto sooner = [&](core::Instant other) {
        if (!due || other < *due) due = other;
    };
    if (housekeeping_) sooner(housekeeping_due_);
    if (accept_rests_) sooner(accept_again_);
    if (closing_) sooner(deadline_);
    if (!due) return std::nullopt;
    // Rounded up: waking a little early would mean waking twice.
    return std::chrono::ceil<milliseconds>(std::max(*due - now_, core::Instant::duration::zero()));
}

void ShardThread::wait() noexcept {
    std::optional<milliseconds> timeout = patience();
    waker_.going_to_sleep();
    if (!mailbox_.empty()) timeout = milliseconds{0};
    bool called = false;
    if (waiting_.empty()) {
        ready_ = poller_.wait(timeout);
        for (const Ready& ready : ready_)
            called = called || ready.tag == waker_tag;
    } else {
        // Only the mailbox counts now; sockets would be ready at once, again and again.
        pollfd waker{waker_.fd(), POLLIN, 0};
        ready_ = {};
        const milliseconds rest = timeout ? std::min(*timeout, post_retry) : post_retry;
        called = ::poll(&waker, 1, static_cast<int>(rest.count())) > 0;
    }
    waker_.woken(called);
    now_ = std::chrono::steady_clock::now();
}

void ShardThread::share_crowding() noexcept {
    crowded_.store(shard_.crowded(), std::memory_order_relaxed);
    shard_.others_crowded(
        std::any_of(shards_.begin(), shards_.end(), [this](const ShardThread* other) {
            return other != this && other->crowded_.load(std::memory_order_relaxed);
        }));
}

void ShardThread::handle(const Ready& ready) noexcept {
    if (ready.tag == waker_tag) return;
    if (ready.tag > waker_tag - 1 - listeners_.size())
        return accept_some(waker_tag - 1 - ready.tag);
    const core::SessionId id = session_of(ready.tag);
    Connection* connection = find(id);
    if (!connection) return;
    if (ready.writable) {
        shard_.set_late(id, false);
        flush(id);
    }
    if (shard_.wants_reading(id)) {
        if ((ready.readable || ready.hung_up) && !quiescing_ && shard_.admits(id, now_)) read(id);
    } else if (ready.hung_up && !ready.writable) {
        // It is over, but its turn has not come: what it sent waits for the key store. epoll would
        // tell us without end.
        poller_.unwatch(connection->socket.get());
        connection->watched = false;
    }
}

// ---- mailbox

void ShardThread::take_mailbox() noexcept {
    Message message;
    for (std::size_t taken = 0; taken < mailbox_messages_max && mailbox_.take(message); ++taken)
        take(message);
    post_waiting();
}

void ShardThread::take(Message& message) noexcept {
    if (auto* deliver = std::get_if<Deliver>(&message)) {
        shard_.deliver(deliver->run, deliver->frames, deliver->payload_bytes, now_);
    } else if (auto* answer = std::get_if<core::AccountAnswer>(&message)) {
        shard_.account_found(*answer, now_);
    } else if (auto* announced = std::get_if<Announced>(&message)) {
        shard_.announced(announced->shard, announced->announcement);
    } else if (auto* accepted = std::get_if<Adopt>(&message)) {
        adopt(std::move(accepted->connection));
    } else if (std::holds_alternative<Quiesce>(message)) {
        for (const Listener& listener : listeners_)
            poller_.unwatch(listener.socket.get());
        listeners_.clear();
        // What had come until now is still carried out.
        for (const Ready& ready : poller_.wait(milliseconds{0}))
            handle(ready);
        ready_ = {};
        quiescing_ = true;
    } else if (auto* close = std::get_if<CloseAll>(&message)) {
        quiescing_ = false;
        closing_ = true;
        deadline_ = close->deadline;
        shard_.close_all(now_);
    }
}

void ShardThread::send_out(unsigned shard, Message message) noexcept {
    ShardThread& other = *shards_[shard];
    // Order holds: nothing overtakes what waits already.
    if (!waiting_.empty() || !other.mailbox_.post(message)) {
        engine_counters_.mailbox_full.increment();
        waiting_.push_back({shard, std::move(message)});
    }
    other.waker_.wake();
}

void ShardThread::post_waiting() noexcept {
    std::size_t posted = 0;
    while (posted < waiting_.size() &&
           shards_[waiting_[posted].shard]->mailbox_.post(waiting_[posted].message)) {
        shards_[waiting_[posted].shard]->waker_.wake();
        ++posted;
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(posted));
}

// ---- accepting

void ShardThread::accept_some(std::size_t listener) noexcept {
    for (std::size_t taken = 0; taken < accepts_per_turn_max; ++taken) {
        Accepted accepted;
        const AcceptStatus status = accept_one(listeners_[listener], accepted);
        if (status == AcceptStatus::none) return;
        if (status == AcceptStatus::out_of_descriptors) {
            engine_counters_.out_of_descriptors.increment();
            log::error("out of file descriptors",
                       {{"why",
                         "no connection can be accepted for now; raise the "
                         "limit of open files, or lower --max-connections"}});
            for (const Listener& each : listeners_)
                poller_.unwatch(each.socket.get());
            accept_rests_ = true;
            accept_again_ = now_ + accept_rest;
            return;
        }
        place(std::move(accepted));
    }
}

// The policy: to the shard with the fewest connections.
void ShardThread::place(Accepted accepted) noexcept {
    std::size_t total = 0;
    ShardThread* fewest = this;
    for (ShardThread* shard : shards_) {
        const std::size_t count = shard->connection_count();
        total += count;
        if (count < fewest->connection_count()) fewest = shard;
    }
    if (total >= options_.connections_max) {
        engine_counters_.refused_full.increment();
        const auto second =
            std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch());
        if (full_limit_.admit(static_cast<std::uint64_t>(second.count())))
            log::warning("connection refused",
                         {{"peer", accepted.peer.text()},
                          {"reason", "connections-full"},
                          {"why", "as many connections as --max-connections allows are open"},
                          {"connections", static_cast<std::uint64_t>(total)},
                          {"similar_lines_held_back", full_limit_.take_held_back()}});
        return;
    }
    engine_counters_.accepted.increment();
    fewest->connection_count_.fetch_add(1, std::memory_order_relaxed);
    if (fewest == this)
        adopt(std::move(accepted));
    else
        send_out(fewest->index_, Adopt{std::move(accepted)});
}

void ShardThread::adopt(Accepted accepted) noexcept {
    const core::SessionId id = shard_.open(next_nonce(), now_);
    if (id.index >= connections_.size()) connections_.resize(id.index + 1);
    Connection& connection = connections_[id.index];
    connection = Connection{};
    connection.socket = std::move(accepted.socket);
    connection.peer = accepted.peer;
    connection.generation = id.generation;
    update_interest(id);
}

wire::Nonce ShardThread::next_nonce() noexcept {
    if (nonces_.empty()) {
        nonces_.resize(nonces_per_draw);
        wire::fill_random(std::as_writable_bytes(std::span(nonces_)));
    }
    const wire::Nonce nonce = nonces_.back();
    nonces_.pop_back();
    return nonce;
}

// ---- one connection

ShardThread::Connection* ShardThread::find(core::SessionId id) noexcept {
    if (id.index >= connections_.size()) return nullptr;
    Connection& connection = connections_[id.index];
    return connection.socket.open() && connection.generation == id.generation ? &connection
                                                                              : nullptr;
}

void ShardThread::read(core::SessionId id) noexcept {
    const Transfer transfer = receive(find(id)->socket.get(), shard_.read_room(id));
    switch (transfer.status) {
        case Transfer::Status::done:
            return shard_.received(id, transfer.bytes, now_);
        case Transfer::Status::later:
            return;
        case Transfer::Status::broken:
            shard_.output_broken(id, now_);
            [[fallthrough]];
        case Transfer::Status::closed:
            return shard_.peer_closed(id, now_);
    }
}

void ShardThread::flush(core::SessionId id) noexcept {
    Connection* connection = find(id);
    const bytes::SendQueue* queue = shard_.output(id);
    if (!connection || !queue) return;
    bool full = false;
    for (std::size_t writes = 0; !full && !queue->empty() && writes < writes_per_turn_max;
         ++writes) {
        std::array<std::span<const std::byte>, bytes::gather_pieces_max> pieces;
        const std::size_t count = queue->gather(pieces);
        const Transfer transfer = send(connection->socket.get(), std::span(pieces).first(count));
        if (transfer.status == Transfer::Status::broken) {
            shard_.output_broken(id, now_);
            break;
        }
        std::size_t gathered = 0;
        for (std::size_t i = 0; i < count; ++i)
            gathered += pieces[i].size();
        full = transfer.bytes < gathered;
        shard_.sent(id, transfer.bytes);
    }
    if (full) shard_.set_late(id, true);
    connection->wants_writing = !queue->empty();
    update_interest(id);
}

void ShardThread::update_interest(core::SessionId id) noexcept {
    Connection* connection = find(id);
    if (!connection) return;
    const Interest interest{shard_.wants_reading(id), connection->wants_writing};
    if (connection->watched && interest == connection->interest) return;
    connection->interest = interest;
    if (connection->watched) return poller_.change(connection->socket.get(), tag_of(id), interest);
    connection->watched = poller_.watch(connection->socket.get(), tag_of(id), interest);
    if (connection->watched) return;
    shard_.output_broken(id, now_);
    shard_.peer_closed(id, now_);
}

// ---- effects

void ShardThread::carry_out() noexcept {
    core::Effects& effects = shard_.effects();
    // Carrying out may bring more effects; each session passes a state only once, so this ends.
    while (!effects.dirty.empty() || !effects.reading.empty() || !effects.half_close.empty() ||
           !effects.ended.empty() || !effects.lookups.empty() || !effects.forwards.empty() ||
           !effects.announcements.empty() || !effects.incidents.empty()) {
        look_up();
        forward();
        scratch_.clear();
        scratch_.swap(effects.dirty);
        for (const core::SessionId id : scratch_)
            flush(id);
        for (const core::SessionId id : effects.half_close)
            if (Connection* connection = find(id)) shut_sending(connection->socket.get());
        effects.half_close.clear();
        scratch_.clear();
        scratch_.swap(effects.reading);
        for (const core::SessionId id : scratch_)
            update_interest(id);
        tell();
        close_ended();
    }
    if (pool_.budget().exceeded()) shard_.relieve_memory(now_);
}

void ShardThread::look_up() noexcept {
    std::vector<core::LookupRequest> requests;
    requests.swap(shard_.effects().lookups);
    for (const core::LookupRequest& request : requests)
        if (!look_up_(index_, request.session, request.ident))
            shard_.account_found(
                {request.session, core::AccountAnswer::Status::refused_full, nullptr}, now_);
}

void ShardThread::forward() noexcept {
    core::Effects& effects = shard_.effects();
    for (const core::Announcement& announcement : effects.announcements)
        for (unsigned shard = 0; shard < shards_.size(); ++shard)
            if (shard != index_) send_out(shard, Announced{index_, announcement});
    effects.announcements.clear();
    for (const core::Forward& forward : effects.forwards)
        for (unsigned shard = 0; shard < shards_.size(); ++shard)
            if (forward.shards >> shard & 1U)
                send_out(shard, Deliver{bytes::FrameRef::share(forward.run.piece()), forward.frames,
                                        forward.payload_bytes});
    effects.forwards.clear();
}

void ShardThread::tell() noexcept {
    for (const core::Incident& incident : shard_.effects().incidents) {
        const Connection* connection = find(incident.session);
        incident_log_.write(incident, connection ? connection->peer : Address{}, now_);
    }
    shard_.effects().incidents.clear();
}

void ShardThread::close_ended() noexcept {
    scratch_.clear();
    scratch_.swap(shard_.effects().ended);
    for (const core::SessionId id : scratch_) {
        if (Connection* connection = find(id)) {
            connection->socket.reset();  // takes it out of epoll, too
            connection_count_.fetch_sub(1, std::memory_order_relaxed);
        }
        shard_.forget(id);
    }
}

// ---- housekeeping

// Runs once a second while there is anything to look after, and not at all in an idle broker.
void ShardThread::housekeep() noexcept {
    if (accept_rests_ && now_ >= accept_again_) {
        accept_rests_ = false;
        for (std::size_t i = 0; i < listeners_.size(); ++i)
            (void)poller_.watch(listeners_[i].socket.get(), listener_tag(i), {true, false});
    }
    if (!housekeeping_) {
        if (ready_.empty()) return;
        housekeeping_ = true;
        housekeeping_due_ = now_ + housekeeping;
    } else if (now_ >= housekeeping_due_) {
        const bool tails = shard_.sweep_torn_tails();
        const bool nodes = shard_.trim();
        const bool slabs = pool_.trim();
        housekeeping_ = tails || nodes || slabs;
        housekeeping_due_ = now_ + housekeeping;
    }
}

}  // namespace hpfeeds::net
