// SPDX-License-Identifier: Apache-2.0
#include "net/shard_thread.hpp"

#include <poll.h>
#include <pthread.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

namespace hpfeeds::net {
namespace {

using std::chrono::milliseconds;

std::size_t run_bytes_of(const Message& message) noexcept {
    const auto* deliver = std::get_if<Deliver>(&message);
    return deliver ? deliver->run.piece().length : 0;
}

}  // namespace

ShardThread::ShardThread(core::ShardOptions shard_options, bytes::SlabPool& pool, Places& places,
                         LookUp look_up)
    : index_(shard_options.shard),
      places_(&places),
      pool_(pool),
      shard_(std::move(shard_options), pool_),
      look_up_(std::move(look_up)) {
    if (!poller_.watch(waker_.fd(), waker_tag, {true, false}))
        throw Error("cannot watch the mailbox of a shard; raise the limit of open files");
}

ShardThread::~ShardThread() = default;

void ShardThread::run() noexcept {
    pool_.bind_to_this_thread();
    std::array<char, 16> name{};  // for top -H and debuggers
    std::snprintf(name.data(), name.size(), "shard-%u", index_);
    pthread_setname_np(pthread_self(), name.data());
    // sendfile(2) knows no MSG_NOSIGNAL, and the program around us may not ignore it.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    now_ = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        if (!poller_.watch(listeners_[i].socket.get(), listener_tag(i), {true, false}))
            log::error("cannot watch a listening socket", {{"endpoint", listeners_[i].label}});
    while (!closing_ || (shard_.session_count() > 0 && now_ < deadline_))
        turn();
    for (Connection& connection : connections_)
        if (connection.socket.open()) close(connection);
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
    handle_ready();
    if (!quiescing_) read_on();
    if (shards_.size() > 1) shard_.others_crowded(others_are_crowded());
    shard_.tick(now_);
    carry_out();
    if (shards_.size() > 1) share_crowding();
    housekeep();
    if (quiescing_ && waiting_.empty() && !quiet_.load(std::memory_order_relaxed))
        quiet_.store(true, std::memory_order_release);
    engine_counters_.turn_times.count(std::chrono::steady_clock::now() - now_);
}

// Readers first, so that they do not wait while publishers must. Then as much as stays in the cache
// until it has been copied to every reader; whoever has no turn any more is the next one's first.
void ShardThread::handle_ready() noexcept {
    had_events_ = !ready_.empty();
    read_bytes_ = 0;
    for (const Ready& ready : ready_)
        if (ready.writable) write_on(session_of(ready.tag));
    std::size_t handled = 0;
    while (handled < ready_.size() && read_bytes_ < read_per_turn_bytes && may_read_more())
        handle(ready_[handled++]);
    if (handled < ready_.size()) poller_.begin_with(ready_[handled].tag);
}

void ShardThread::write_on(core::SessionId id) noexcept {
    if (!find(id)) return;
    shard_.set_late(id, false);
    flush(id);
}

// A publisher is slowed before a run is lost: nothing more is read until the others have taken what
// they have.
bool ShardThread::may_read_more() noexcept {
    if (!shard_.effects().forwards.empty()) forward();
    if (!waiting_.empty()) return false;
    if (pool_.budget().exceeded()) shard_.relieve_memory(now_);
    return true;
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
    const bool reads_on = !unread_.empty() && !quiescing_ && waiting_.empty();
    if (!mailbox_.empty() || reads_on || looks_again_) timeout = milliseconds{0};
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

bool ShardThread::others_are_crowded() const noexcept {
    return std::any_of(shards_.begin(), shards_.end(), [this](const ShardThread* other) {
        return other != this && other->crowded_.load(std::memory_order_seq_cst);
    });
}

// Behind the writing, by which readers catch up: publishers of other shards that wait for them go
// on at once, and not when they would look again by themselves. Each side tells first and looks
// then, so one of two that change their minds together sees the other.
void ShardThread::share_crowding() noexcept {
    if (shard_.crowded()) shard_.look_at_crowding(now_);
    const bool crowded = shard_.crowded();
    const bool relieved = crowded_.exchange(crowded, std::memory_order_seq_cst) && !crowded;
    defers_.store(shard_.defers(), std::memory_order_seq_cst);
    looks_again_ = shard_.defers() && !crowded && !others_are_crowded();
    if (!relieved) return;
    for (ShardThread* other : shards_)
        if (other != this && other->defers_.load(std::memory_order_seq_cst)) other->waker_.wake();
}

void ShardThread::handle(const Ready& ready) noexcept {
    if (ready.tag == waker_tag) return;
    if (ready.tag > waker_tag - 1 - listeners_.size())
        return accept_some(waker_tag - 1 - ready.tag);
    const core::SessionId id = session_of(ready.tag);
    Connection* connection = find(id);
    if (!connection) return;
    if (shard_.wants_reading(id)) {
        if ((ready.readable || ready.hung_up) && !quiescing_ && shard_.admits(id, now_)) read(id);
    } else if (ready.hung_up && !ready.writable) {
        // It is over, but its turn has not come: what it sent waits for the key store. epoll would
        // tell us without end.
        poller_.unwatch(connection->socket.get());
        connection->watched = false;
    } else if (ready.readable && connection->interest.readable) {
        connection->interest.readable = false;
        poller_.change(connection->socket.get(), tag_of(id), connection->interest);
    }
}

// ---- mailbox

void ShardThread::take_mailbox() noexcept {
    Message message;
    std::size_t answers = 0;
    std::size_t bytes = 0;
    for (std::size_t taken = 0; taken < mailbox_messages_max && answers < answers_per_turn_max &&
                                bytes < read_per_turn_bytes && mailbox_.take(message);
         ++taken) {
        if (std::holds_alternative<core::AccountAnswer>(message)) ++answers;
        bytes += run_bytes_of(message);
        take(message);
    }
    post_waiting();
    if (bytes) tell_of_room(bytes);
}

// So much of the mailbox is free again. A sender that just misses this tries again by itself.
void ShardThread::tell_of_room(std::size_t bytes) noexcept {
    mailed_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    for (ShardThread* other : shards_)
        if (other->waits_.load(std::memory_order_relaxed)) other->waker_.wake();
}

void ShardThread::take(Message& message) noexcept {
    if (auto* deliver = std::get_if<Deliver>(&message)) {
        shard_.deliver(deliver->run, deliver->frames, deliver->payload_bytes, now_);
    } else if (auto* answer = std::get_if<core::AccountAnswer>(&message)) {
        shard_.account_found(*answer, now_);
    } else if (auto* announced = std::get_if<Announced>(&message)) {
        shard_.announced(announced->shard, announced->announcement);
    } else if (auto* accepted = std::get_if<Adopt>(&message)) {
        adopt(std::move(*accepted));
    } else if (auto* news = std::get_if<KeyNews>(&message)) {
        if (news->idents)
            shard_.keys_changed(*news->idents, now_);
        else
            shard_.any_key_changed(now_);
    } else if (auto* look = std::get_if<Look>(&message)) {
        write_down(*look->survey);
    } else if (auto* retune = std::get_if<Retune>(&message)) {
        shard_.retune(*retune->limits, retune->tell_everything);
    } else if (const auto* quiesce = std::get_if<Quiesce>(&message)) {
        for (Listener& listener : listeners_) {
            poller_.unwatch(listener.socket.get());
            if (quiesce->taken_over) listener.file.leave();
        }
        listeners_.clear();
        // What had come until now is still carried out.
        for (const Ready& ready : poller_.wait(milliseconds{0}))
            handle(ready);
        read_on();
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
    if (!waiting_.empty() || !post_to(other, message)) {
        engine_counters_.mailbox_full.increment();
        waiting_.push_back({shard, std::move(message)});
        waits_.store(true, std::memory_order_relaxed);
    }
    other.waker_.wake();
}

// False: the other has no room, and the message stays here. A run is counted before it is posted,
// as it may be taken at once; shards that post together go over the bound, each by one run.
bool ShardThread::post_to(ShardThread& other, Message& message) noexcept {
    const std::size_t bytes = run_bytes_of(message);
    if (bytes == 0) return other.mailbox_.post(message);
    if (other.mailed_bytes_.load(std::memory_order_relaxed) >= shard_.crowding_bytes())
        return false;
    other.mailed_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (other.mailbox_.post(message)) return true;
    other.mailed_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
}

void ShardThread::post_waiting() noexcept {
    std::size_t posted = 0;
    while (posted < waiting_.size() &&
           post_to(*shards_[waiting_[posted].shard], waiting_[posted].message)) {
        shards_[waiting_[posted].shard]->waker_.wake();
        ++posted;
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(posted));
    if (posted && waiting_.empty()) waits_.store(false, std::memory_order_relaxed);
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
            if (Connection* connection = find(id)) say_goodbye(*connection);
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
    for (const core::LookupRequest& request : requests) {
        using Status = core::AccountAnswer::Status;
        const bool login = request.purpose == core::Purpose::login;
        const Connection* connection = login ? find(request.asker) : nullptr;
        if (connection && connection->tls && !connection->tls->may_be(request.ident))
            shard_.account_found(
                {request.asker, Status::refused_certificate, nullptr, request.purpose}, now_);
        else if (!look_up_(index_, request))
            shard_.account_found({request.asker, Status::refused_full, nullptr, request.purpose},
                                 now_);
    }
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
        incident_log_.write(
            incident, connection ? connection->peer : Address{},
            connection && connection->tls ? connection->tls->bound_ident() : std::string_view{},
            now_);
    }
    shard_.effects().incidents.clear();
}

void ShardThread::close_ended() noexcept {
    scratch_.clear();
    scratch_.swap(shard_.effects().ended);
    for (const core::SessionId id : scratch_) {
        if (Connection* connection = find(id)) close(*connection);
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
        if (!had_events_) return;
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
