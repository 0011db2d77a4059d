// SPDX-License-Identifier: Apache-2.0
// session_engine_writing.cpp: from whoever publishes to the socket.
#include "client/session_engine.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>

#include <utility>

namespace hpfeeds::client {

std::error_code SessionEngine::publish(std::string_view channel,
                                       std::span<const std::byte> payload) {
    const std::lock_guard lock(mutex_);
    // The usual case: it will be written anyway, with others.
    const bool is_seen_to =
        writing_ || (write_scheduled_ && machine_.outbox().unsent_bytes() < outbox_chunk_bytes);
    if (is_seen_to && machine_.publish_quickly(channel, payload, turn_at_)) return {};
    if (const auto over = closed_with()) return over;
    turn_at_ = coarse_now();
    const std::error_code error = machine_.publish(channel, payload, turn_at_);
    something_to_write();
    return error;
}

std::error_code SessionEngine::publish_if_room(std::string_view channel,
                                               std::span<const std::byte> payload) {
    const std::lock_guard lock(mutex_);
    if (const auto over = closed_with()) return over;
    if (!publishing_.empty()) return Errc::no_room;  // others wait before this one
    const std::error_code error = publish_into_room(channel, payload);
    something_to_write();
    return error;
}

std::error_code SessionEngine::publish_into_room(std::string_view channel,
                                                 std::span<const std::byte> payload) {
    const Clock::time_point now = coarse_now();
    std::error_code error = machine_.publish_if_room(channel, payload, now);
    if (error != Errc::no_room || !stream_) return error;
    machine_.make_room(stream_->unacknowledged_bytes());
    error = machine_.publish_if_room(channel, payload, now);
    return error;
}

void SessionEngine::publish_when_room(Ticket ticket, std::string_view channel,
                                      std::span<const std::byte> payload, detail::Done done) {
    const std::lock_guard lock(mutex_);
    if (const auto over = closed_with()) return complete(done, over);
    if (publishing_.size() == waiting_operations_max) return complete(done, Errc::no_room);
    publishing_.push_back({ticket, channel, payload, std::move(done)});
    admit_publishers();
    something_to_write();
    arm_timer();
}

void SessionEngine::admit_publishers() {
    while (!publishing_.empty()) {
        Publishing& first = publishing_.front();
        const std::error_code error = publish_into_room(first.channel, first.payload);
        if (error == Errc::no_room) {
            // All of it may be sent and unacknowledged; nobody tells when that is over.
            if (machine_.all_written()) ask_again_ = Clock::now() + acknowledgement_poll;
            return;
        }
        complete(first.done, error);
        publishing_.pop_front();
    }
}

std::error_code SessionEngine::subscribe(std::string_view channel) {
    const std::lock_guard lock(mutex_);
    if (const auto over = closed_with()) return over;
    const std::error_code error = machine_.subscribe(channel);
    schedule_write();
    return error;
}

void SessionEngine::unsubscribe(std::string_view channel) {
    const std::lock_guard lock(mutex_);
    machine_.unsubscribe(channel);
    schedule_write();
}

// What one turn of the user's publishes is written at once at its end; a chunk of the outbox does
// not wait for that.
void SessionEngine::something_to_write() {
    if (machine_.outbox().unsent_bytes() >= outbox_chunk_bytes && was_online_ && !writing_)
        write_socket(Amount::whole_chunks);
    else
        schedule_write();
}

void SessionEngine::schedule_write() {
    if (!was_online_ || write_scheduled_ || writing_) return;
    write_scheduled_ = true;
    asio::post(executor_, while_connected([this] {
                   write_scheduled_ = false;
                   write_socket();
               }));
}

void SessionEngine::wait_to_write() {
    if (writing_) return;
    writing_ = true;
    socket_.async_wait(Tcp::socket::wait_write, while_connected([this](const asio::error_code&) {
                           writing_ = false;
                           if (!shaken_) return shake_hands();
                           write_socket();
                           if (connected() && inbox_ == Inbox::exhausted && !reading_)
                               wait_to_read();
                       }));
}

void SessionEngine::write_socket(Amount amount) {
    if (!connected() || writing_) return;
    for (std::size_t step = 0; step < turn_steps_max; ++step) {
        if (amount == Amount::whole_chunks &&
            machine_.outbox().unsent_bytes() < outbox_chunk_bytes / 2)
            return schedule_write();
        const std::span<const std::byte> bytes = machine_.to_write();
        if (bytes.empty()) {
            check_flushed();
            return arm_timer();
        }
        std::size_t taken = 0;
        switch (stream_->write(bytes, taken)) {
            case Step::done:
                machine_.wrote(taken, stream_->unacknowledged_bytes(), Clock::now());
                admit_publishers();
                break;
            case Step::wants_write:
                machine_.blocked(Clock::now());
                wait_to_write();
                return arm_timer();
            case Step::wants_read:
                return wait_to_read();
            case Step::closed:
            case Step::failed:
                return write_failed();
        }
    }
    schedule_write();
    arm_timer();
}

// A broker that refuses says so, then closes; whoever is just writing learns of the closing first.
void SessionEngine::write_failed() {
    const Failure why{
        stream_->failure() ? stream_->failure() : make_error_code(Errc::closed_by_broker),
        machine_.where() + ": " + stream_->explanation()};
    const std::uint32_t connection = connection_;
    if (inbox_ == Inbox::exhausted) read_socket();
    if (connection == connection_) lost(why);
}

// --- Until everything has arrived ----------------------------------------------------------------

void SessionEngine::flush(Ticket ticket, detail::Done done) {
    const std::lock_guard lock(mutex_);
    if (const auto over = closed_with()) return complete(done, over);
    if (flushing_.size() == waiting_operations_max) return complete(done, Errc::no_room);
    flushing_.push_back({ticket, std::move(done)});
    check_flushed();
    arm_timer();
}

bool SessionEngine::all_arrived() const {
    if (!machine_.all_written() || !publishing_.empty()) return false;
    return machine_.outbox().cost() == 0 || (connected() && stream_->unacknowledged_bytes() == 0);
}

// The system does not tell when the last byte was acknowledged: it is asked.
void SessionEngine::check_flushed() {
    if (flushing_.empty() && !closing_) return;
    const bool arrived = all_arrived();
    if (arrived) complete_all(flushing_, {});
    if (closing_ && connected() && was_online_ && !finished_ && machine_.all_written() &&
        publishing_.empty() && machine_.to_write().empty())
        finish_sending();
    else if (!arrived && machine_.all_written() && connected())
        ask_again_ = Clock::now() + acknowledgement_poll;
}

void SessionEngine::finish_sending() {
    finished_ = true;
    stream_->finish_writing();
    // The broker's end is to be heard, whatever is lent or was not read.
    if (const auto said = save_unread()) return lost(*said);
    if (connected() && inbox_ == Inbox::exhausted && !reading_) wait_to_read();
}

}  // namespace hpfeeds::client
