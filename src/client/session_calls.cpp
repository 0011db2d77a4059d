// SPDX-License-Identifier: Apache-2.0
// What other threads ask of a session's thread.
#include "client/session_thread.hpp"

#include <utility>

namespace hpfeeds::client {

bool SessionThread::all_sent() const {
    return outbox_.unsent_messages() == 0 && !(spool_ && spool_has_more_ && !spool_is_broken_);
}

void SessionThread::wake() {
    if (!sleeping_) return;
    sleeping_ = false;
    work_.notify();
}

std::error_code SessionThread::refusal_to_go_on() const {
    if (closing_) return Errc::closed;
    if (!ended_) return {};
    return last_incident_.code ? last_incident_.code : std::error_code(Errc::closed);
}

std::error_code SessionThread::publish(std::string_view channel,
                                       std::span<const std::byte> payload) {
    if (const auto refused = machine_.check_publish(channel, payload.size())) return refused;
    if (spool_) return publish_to_spool(channel, payload);
    std::unique_lock lock(mutex_);
    if (const auto refused = refusal_to_go_on()) return refused;
    // Whoever publishes faster than the broker takes waits for it; without a broker, nobody waits.
    if (connected_ && !outbox_.has_room(channel.size(), payload.size()))
        wait_for_room(lock, channel.size(), payload.size());
    // A thread that is awake has looked at the clock a moment ago.
    const Clock::time_point now = sleeping_ || !connected_ ? coarse_now() : awake_at_;
    static_cast<void>(outbox_.push(channel, payload, now, Outbox::Overflow::drop_oldest));
    acknowledged_all_ = false;
    wake();
    return {};
}

void SessionThread::wait_for_room(std::unique_lock<std::mutex>& lock, std::size_t channel_bytes,
                                  std::size_t payload_bytes) {
    wake();
    ++waiting_for_room_;
    changed_.wait_until(lock, in(options_.timeout), [&] {
        return !connected_ || ended_ ||
               (outbox_.is_relieved() && outbox_.has_room(channel_bytes, payload_bytes));
    });
    --waiting_for_room_;
}

std::error_code SessionThread::publish_to_spool(std::string_view channel,
                                                std::span<const std::byte> payload) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto refused = refusal_to_go_on()) return refused;
    }
    const std::error_code error = spool_->append(channel, payload, Spool::WallClock::now());
    {
        const std::lock_guard lock(mutex_);
        acknowledged_all_ = false;
        if (!error) {
            spool_has_more_ = true;
            spool_fails_ = false;
            wake();
            return {};
        }
        ++spool_failures_;
        // A disk that is full must not silence a sensor whose broker is there.
        const bool kept = outbox_.push(channel, payload, coarse_now(), Outbox::Overflow::refuse);
        wake();
        if (!kept) {
            ++lost_to_spool_;
            return error;
        }
        if (std::exchange(spool_fails_, true)) return {};
    }
    report({error, spool_->explanation() + "; until this is mended, messages wait in memory"});
    return {};
}

std::error_code SessionThread::subscribe(std::string_view channel) {
    if (channel.size() > wire::string_bytes_max) return Errc::channel_too_long;
    const std::lock_guard lock(mutex_);
    if (const auto refused = refusal_to_go_on()) return refused;
    requests_.insert_or_assign(std::string(channel), true);
    wake();
    return {};
}

void SessionThread::unsubscribe(std::string_view channel) {
    const std::lock_guard lock(mutex_);
    requests_.insert_or_assign(std::string(channel), false);
    wake();
}

std::error_code SessionThread::wait_first_connection() {
    std::unique_lock lock(mutex_);
    wait_for_change(lock, no_deadline, [&] { return connections_ > 0 || ended_; });
    if (connections_ > 0) return {};
    return last_incident_.code ? last_incident_.code : std::error_code(Errc::closed);
}

std::error_code SessionThread::wait_connected(Deadline deadline) {
    std::unique_lock lock(mutex_);
    const bool in_time = wait_for_change(lock, deadline, [&] { return connected_ || ended_; });
    if (connected_) return {};
    if (!in_time && !last_incident_.code) return Errc::timed_out;
    return last_incident_.code ? last_incident_.code : std::error_code(Errc::closed);
}

std::error_code SessionThread::flush(Deadline deadline) {
    std::unique_lock lock(mutex_);
    const auto done = [&] { return all_sent() && (acknowledged_all_ || !connected_); };
    ++flushing_;
    work_.notify();
    const bool in_time = wait_for_change(lock, deadline, [&] { return done() || ended_; });
    --flushing_;
    if (std::exchange(lost_unacknowledged_, false)) return Errc::unsent;
    if (done()) return {};
    if (in_time) return refusal_to_go_on();
    if (!connected_ && last_incident_.code) return last_incident_.code;
    return Errc::timed_out;
}

std::error_code SessionThread::close(Deadline deadline) {
    std::call_once(closed_, [&] {
        {
            std::unique_lock lock(mutex_);
            closing_ = deadline;
            // A connection that is being made is waited for only by messages that need it.
            if (!connected_ && (spool_ || all_sent())) abort_.notify();
            work_.notify();
            changed_.notify_all();
            wait_for_change(lock, deadline, [&] { return ended_; });
        }
        abort_.notify();
        thread_.join();
    });
    const std::lock_guard lock(mutex_);
    return closed_with_;
}

Incident SessionThread::last_incident() const {
    const std::lock_guard lock(mutex_);
    return last_incident_;
}

void SessionThread::incident_was_heard() {
    const std::lock_guard lock(mutex_);
    unheard_refusal_ = {};
}

std::string SessionThread::broker_name() const {
    const std::lock_guard lock(mutex_);
    return broker_name_;
}

SessionThread::Stats SessionThread::stats() const {
    Stats stats;
    if (spool_) {
        stats.spool = spool_->counts();
        stats.spooled_messages = spool_->events();
    }
    const std::lock_guard lock(mutex_);
    stats.outbox = outbox_.counts();
    stats.published =
        spool_ ? stats.spool.appended + spool_failures_ - lost_to_spool_ : stats.outbox.pushed;
    stats.unsent_messages = outbox_.unsent_messages();
    stats.unsent_bytes = outbox_.unsent_bytes();
    stats.spool_failures = spool_failures_;
    stats.connections = connections_;
    stats.connected = connected_;
    return stats;
}

}  // namespace hpfeeds::client
