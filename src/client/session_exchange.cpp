// SPDX-License-Identifier: Apache-2.0
// The turn of a session's thread: apply what was asked for, write, read, forget what has arrived,
// wait.
#include "client/session_thread.hpp"
#include "hpfeeds/text.hpp"

#include <poll.h>
#include <algorithm>
#include <array>
#include <utility>

namespace hpfeeds::client {
namespace {

// How many pieces are written, at most, before what came is looked at.
constexpr int writes_in_a_row_max = 8;

}  // namespace

Incident SessionThread::exchange() {
    for (;;) {
        if (asked_.requests) apply_requests();
        feed_from_spool();
        Incident why;
        // First what came: a connection that has ended takes bytes all the same, and loses them.
        if (!read_step(why)) return why;
        if (!write_step(why)) {
            // A broker that refuses may close before it has read everything; why is what counts.
            Incident said;
            readable_ = true;
            if (!read_step(said) && said.code == Trouble::refusal) return said;
            return why;
        }
        settle();
        if (auto goodbye = say_goodbye()) {
            said_goodbye_ = true;
            return std::move(*goodbye);
        }
        if (Clock::now() >= write_deadline_)
            return {Errc::timed_out, "lost " + where() + ": the broker took nothing for " +
                                         std::to_string(options_.timeout.count()) + " ms"};
        wait_for_events();
    }
}

// The last that was said of each channel counts.
void SessionThread::apply_requests() {
    std::map<std::string, bool, std::less<>> requests;
    {
        const std::lock_guard lock(mutex_);
        std::swap(requests, requests_);
        asked_.requests = false;
    }
    for (const auto& [channel, wanted] : requests) {
        if (wanted && machine_.connected()) trace("-> SUBSCRIBE to " + one_line(channel));
        if (wanted)
            static_cast<void>(machine_.subscribe(channel));  // its length was checked
        else
            machine_.unsubscribe(channel);
    }
}

// A window of the spool is in the outbox, where it stays until it has arrived.
void SessionThread::feed_from_spool() {
    if (!spool_) return;
    {
        const std::lock_guard lock(mutex_);
        if (!spool_has_more_ || spool_is_broken_ || outbox_.cost() > spool_window_bytes / 2) return;
        spool_has_more_ = false;
    }
    bool window_is_full = false;
    const auto error = spool_->read_after(spool_fed_, [&](const Spool::Event& event) {
        const std::lock_guard lock(mutex_);
        window_is_full = !machine_.check_publish(event.channel, event.payload.size()) &&
                         !outbox_.push(event.channel, event.payload, coarse_now(),
                                       Outbox::Overflow::refuse, event.id);
        if (!window_is_full) spool_fed_ = event.id;
        return !window_is_full;
    });
    if (error) report({error, spool_->explanation()});
    const std::lock_guard lock(mutex_);
    if (error) spool_is_broken_ = true;
    if (window_is_full || error) spool_has_more_ = true;
}

// With the lock. Callers publish millions of times a second, and each time that this thread wants
// the lock as well costs two of them a system call; so it looks once a turn, where it must lock
// anyway, and whoever asks for anything but publishing wakes it for another turn.
void SessionThread::look_at_callers() {
    asked_.requests = !requests_.empty();
    asked_.flushing = flushing_ > 0;
    asked_.closing = closing_.has_value();
    awake_at_ = coarse_now();
}

bool SessionThread::write_step(Incident& why) {
    std::unique_lock lock(mutex_);
    look_at_callers();
    for (int i = 0; i < writes_in_a_row_max && !wants_to_write_; ++i) {
        std::size_t taken = 0;
        std::error_code error;
        // Between two frames of the outbox alone: a frame is never interrupted. What is published
        // behind a subscribe() is sent behind it.
        // What TLS could not write at once must be offered again as it was, before anything else.
        const bool may_interrupt = outbox_.at_frame_boundary() && !outbox_.is_lent();
        const bool requested = !requests_.empty();
        if (requested && may_interrupt) {
            lock.unlock();
            apply_requests();
            lock.lock();
            continue;
        }
        if (may_interrupt && !machine_.unsent().empty()) {
            lock.unlock();
            error = connection_.try_write(machine_.unsent(), taken);
            machine_.sent(taken);
            lock.lock();
        } else {
            const bool one = !outbox_.is_lent() && (requested || !machine_.unsent().empty());
            const auto lent = one ? outbox_.lend_frame() : outbox_.lend();
            if (lent.empty()) {
                write_deadline_ = no_deadline;
                return true;
            }
            lock.unlock();
            error = connection_.try_write(lent, taken);
            lock.lock();
            if (taken > 0) sent_from_outbox(taken);
        }
        if (error) {
            why = {error, "lost " + where() + ": " + connection_.explanation()};
            return false;
        }
        wants_to_write_ = taken == 0;
        if (taken > 0 || write_deadline_ == no_deadline) write_deadline_ = in(options_.timeout);
    }
    if (wants_to_write_) write_events_ = connection_.wanted_events();
    return true;
}

// With the lock.
void SessionThread::sent_from_outbox(std::size_t count) {
    turn_bytes_ += count;
    outbox_.sent(count);
    if (spool_)
        acknowledged_.wrote(connection_.written_bytes(), outbox_.position());
    else if (proven_)
        outbox_.forget(outbox_.position());
    else
        keeps_sent_ = true;
    if (waiting_for_room_ > 0 && outbox_.is_relieved()) changed_.notify_all();
}

std::span<std::byte> SessionThread::room() {
    if (!slab_) slab_ = inbox_.new_slab();
    return *slab_;
}

bool SessionThread::read_step(Incident& why) {
    const bool going_on = read_what_came(why);
    inbox_.wake_reader();
    return going_on;
}

bool SessionThread::read_what_came(Incident& why) {
    reads_ = inbox_.has_room();
    while (readable_ && reads_) {
        std::size_t taken = 0;
        if (const auto error = connection_.try_read(room(), taken)) {
            why = {error, "lost " + where() + ": " + connection_.explanation()};
            return false;
        }
        if (taken == 0) {
            read_events_ = connection_.wanted_events();
            readable_ = false;
            break;
        }
        turn_read_bytes_ += taken;
        machine_.receive(std::span(*slab_).first(taken));
        if (!understand(why)) return false;
        // A plain socket that gave less is empty; what TLS still holds must be asked for.
        if (taken < read_bytes_max && !destination_.tls) readable_ = false;
        reads_ = inbox_.has_room();
    }
    return true;
}

bool SessionThread::understand(Incident& why) {
    using Kind = ClientMachine::Kind;
    for (;;) {
        // What a trace tells one by one is otherwise handed over in one piece.
        const std::span<const std::byte> frames =
            options_.trace ? std::span<const std::byte>() : machine_.take_whole();
        if (!frames.empty()) {
            proven_ = true;
            Inbox::Filling(inbox_, Inbox::Wake::later).add_frames(frames, slab_);
        }
        const ClientMachine::Event event = machine_.next();
        switch (event.kind) {
            case Kind::none:
                return true;
            case Kind::connected:
                greeted(event.name);
                break;
            case Kind::message:
                if (options_.trace)
                    trace("<- PUBLISH on " + one_line(event.channel) + " by " +
                          one_line(event.ident) + ", " + std::to_string(event.payload.size()) +
                          " bytes");
                proven_ = true;
                Inbox::Filling(inbox_, Inbox::Wake::later)
                    .add({event.ident, event.channel, event.payload});
                break;
            case Kind::error:
                trace("<- ERROR");
                why = refused(event.text);
                return false;
            case Kind::violation:
                why = nonsense(event.text);
                return false;
        }
    }
}

void SessionThread::greeted(std::string_view broker_name) {
    stage_ = Incident::Stage::exchanging;
    {
        const std::lock_guard lock(mutex_);
        broker_name_ = broker_name;
    }
    trace("<- INFO, " + one_line(broker_name));
    trace("-> AUTH as " + one_line(options_.ident));
    for (const std::string& channel : machine_.channels())
        trace("-> SUBSCRIBE to " + one_line(channel));
    Inbox::Filling(inbox_, Inbox::Wake::later).add(greeting_of(broker_name));
}

Incident SessionThread::refused(std::string_view text) {
    refused_channel_ = refused_channel(text);
    return {refusal_of(text), "the broker refused: " + one_line(text), std::string(text)};
}

// Whoever introduced itself as a broker is one, and has lost its way.
Incident SessionThread::nonsense(std::string_view why) const {
    const bool was_broker = stage_ == Incident::Stage::exchanging;
    return {Errc::not_hpfeeds,
            (was_broker ? "lost " + where() + ": " : where() + " does not speak hpfeeds: ") +
                std::string(why)};
}

// Forgets what is where it should be, and tells those who wait for it.
void SessionThread::settle() {
    if (!proven_ && Clock::now() >= doubt_ends_) proven_ = true;
    if (!spool_ && !asked_.flushing && !(proven_ && keeps_sent_)) return;
    std::uint64_t arrived = 0;
    std::uint64_t tag = 0;
    {
        const std::lock_guard lock(mutex_);
        const bool asks = flushing_ > 0 || (spool_ && !acknowledged_.all());
        const std::size_t unacknowledged = asks ? connection_.unacknowledged_bytes() : 0;
        if (spool_) {
            arrived = acknowledged_.arrived(connection_.written_bytes() - unacknowledged);
            if (proven_) tag = outbox_.forget(arrived);
        } else if (proven_) {
            outbox_.forget(outbox_.position());
            keeps_sent_ = false;
        }
        if (flushing_ > 0 && unacknowledged == 0 && all_sent()) {
            acknowledged_all_ = true;
            changed_.notify_all();
        }
    }
    if (tag != 0) forget_spooled(tag);
}

void SessionThread::forget_spooled(std::uint64_t tag) {
    if (const std::error_code error = spool_->forget(tag)) report({error, spool_->explanation()});
}

void SessionThread::wait_for_events() {
    Deadline until = write_deadline_;
    bool at_once = readable_ && reads_;
    // A broker in a hurry is left alone for a nap, too: each read wakes two threads.
    gathers_ = turn_read_bytes_ >= busy_read_bytes && !destination_.tls;
    turn_read_bytes_ = 0;
    {
        const std::lock_guard lock(mutex_);
        const bool writable =
            !wants_to_write_ && (outbox_.unsent_messages() > 0 || !machine_.unsent().empty());
        const bool feedable = spool_ && spool_has_more_ && !spool_is_broken_ &&
                              outbox_.cost() <= spool_window_bytes / 2;
        at_once = at_once || writable || feedable || !requests_.empty();
        if (closing_) until = std::min(until, *closing_);
        // Nobody wakes us when the doubt about a login ends, or when bytes have arrived.
        if (!proven_ && outbox_.cost() > 0) until = std::min(until, doubt_ends_);
        if ((flushing_ > 0 && !acknowledged_all_) || (spool_ && !acknowledged_.all()))
            until = std::min(until, in(acknowledgement_poll));
        // Publishers in a hurry are not made to wake us for every message: we come back soon.
        naps_ = (turn_bytes_ >= busy_turn_bytes || gathers_) && flushing_ == 0 && !closing_;
        turn_bytes_ = 0;
        gathers_ = gathers_ && naps_ && !at_once;
        sleeping_ = !at_once && !naps_;
    }
    short events = 0;
    if (reads_ && !gathers_) events = static_cast<short>(events | read_events_);
    if (wants_to_write_) events = static_cast<short>(events | write_events_);
    // A socket that has hung up says so again and again; without room to read why, we do not look.
    const bool looks = events != 0 || !hung_up_;
    std::array<pollfd, 3> watched{{{looks ? connection_.descriptor() : -1, events, 0},
                                   {work_.descriptor(), POLLIN, 0},
                                   {abort_.descriptor(), POLLIN, 0}}};
    if (!at_once && naps_) {
        constexpr timespec nap{0, std::chrono::nanoseconds(busy_nap).count()};
        static_cast<void>(ppoll(watched.data(), watched.size(), &nap, nullptr));
    } else {
        static_cast<void>(poll(watched.data(), watched.size(), at_once ? 0 : poll_timeout(until)));
    }
    if (!naps_) {
        const std::lock_guard lock(mutex_);
        sleeping_ = false;
        look_at_callers();
    }
    if (watched[1].revents != 0) work_.clear();
    if (gathers_) readable_ = true;
    const short came = watched[0].revents;
    if (came == 0) return;
    readable_ = true;
    wants_to_write_ =
        wants_to_write_ && (came & write_events_) == 0 && (came & (POLLERR | POLLHUP)) == 0;
    if ((came & (POLLERR | POLLHUP)) != 0) hung_up_ = true;
}

// When it is time to end: how it ended.
std::optional<Incident> SessionThread::say_goodbye() {
    Deadline until;
    bool sent = false;
    bool published = false;
    if (!asked_.closing) return {};
    {
        const std::lock_guard lock(mutex_);
        if (!closing_) return {};
        until = *closing_;
        sent = all_sent() && machine_.unsent().empty();
        published = outbox_.position() > 0;
    }
    if (!sent && Clock::now() < until) return {};
    if (!sent) return Incident{Errc::unsent, "the time to send everything ran out"};
    if (!published) return Incident{};
    // Ending our half makes the broker work through what it has and close, or say what it refused.
    // Closing at once, with something unread, could take back what is still on its way.
    trace("everything is sent; waiting for the broker to close");
    std::error_code error = connection_.finish_writing(until);
    while (!error) {
        std::size_t taken = 0;
        error = connection_.read_some(room(), until, taken);
        if (error) break;
        machine_.receive(std::span(*slab_).first(taken));
        auto event = machine_.next();
        for (; event.kind == ClientMachine::Kind::message; event = machine_.next()) {
        }
        if (event.kind == ClientMachine::Kind::error) return refused(event.text);
        if (event.kind == ClientMachine::Kind::violation) return nonsense(event.text);
    }
    if (error == Errc::closed_by_broker) {
        std::uint64_t tag = 0;
        {
            const std::lock_guard lock(mutex_);
            tag = outbox_.forget(outbox_.position());
        }
        if (tag != 0) forget_spooled(tag);
        return Incident{};
    }
    if (error == Errc::timed_out || error == Errc::interrupted) {
        if (connection_.unacknowledged_bytes() == 0) {
            const std::lock_guard lock(mutex_);
            if (!spool_) outbox_.forget(outbox_.position());
            return Incident{Errc::unconfirmed,
                            "the broker did not confirm by closing the connection in time"};
        }
        return Incident{Errc::unsent, "the broker did not take all of it in time"};
    }
    return Incident{error, connection_.explanation()};
}

}  // namespace hpfeeds::client
