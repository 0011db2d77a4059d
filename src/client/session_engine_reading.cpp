// SPDX-License-Identifier: Apache-2.0
// session_engine_reading.cpp: from the socket to whoever reads.
#include "client/session_engine.hpp"

#include "hpfeeds/text.hpp"

#include <asio/error.hpp>

#include <utility>

namespace hpfeeds::client {

void SessionEngine::read(Ticket ticket, detail::ReadDone done) {
    const std::lock_guard lock(mutex_);
    if (read_.index() != 0) return refuse(done, asio::error::already_started);
    if (closed_) return refuse(done, Errc::closed);
    end_loan();
    read_ = std::move(done);
    read_ticket_ = ticket;
    serve_reader();
    if (read_.index() == 0) return;
    if (ended_with_) return refuse_read(ended_with_);
    if (connected() && inbox_ == Inbox::exhausted && !reading_) {
        if (socket_may_have_more_)
            read_socket();
        else
            wait_to_read();
    }
}

// The views of the last read are not needed any more.
void SessionEngine::end_loan() {
    if (unread_lent_) unread_.pop_front();
    unread_lent_ = false;
    buffers_.give_back(std::move(kept_));
    kept_torn_ = {};
    if (inbox_ != Inbox::lent) return;
    inbox_ = Inbox::exhausted;
    look_at_next();
}

void SessionEngine::refuse(detail::ReadDone& done, std::error_code error) {
    std::visit(
        [&](auto& typed) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(typed)>, std::monostate>)
                complete(typed, error, {});
        },
        done);
}

void SessionEngine::refuse_read(std::error_code error) {
    detail::ReadDone done = std::exchange(read_, std::monostate());
    refuse(done, error);
}

void SessionEngine::wait_to_read() {
    if (reading_) return;
    reading_ = true;
    if (inbox_ == Inbox::exhausted) buffers_.give_back(std::move(buffer_));
    socket_.async_wait(Tcp::socket::wait_read, while_connected([this](const asio::error_code&) {
                           reading_ = false;
                           if (!shaken_) return shake_hands();
                           read_socket();
                           if (connected()) write_socket();
                       }));
}

// Requires: connected(), and that the machine has nothing left to look at.
void SessionEngine::read_socket() {
    for (std::size_t step = 0; step < turn_steps_max; ++step) {
        if (!buffer_) buffer_ = buffers_.take();
        std::size_t taken = 0;
        switch (stream_->read(buffer_->bytes, taken)) {
            case Step::done:
                break;
            case Step::wants_read:
                return wait_to_read();
            case Step::wants_write:
                return wait_to_write();
            case Step::closed:
                return lost({Errc::closed_by_broker,
                             machine_.where() + (machine_.mid_frame()
                                                     ? ": closed by the broker in mid-frame"
                                                     : ": closed by the broker")});
            case Step::failed:
                return lost({stream_->failure(), machine_.where() + ": " + stream_->explanation()});
        }
        socket_may_have_more_ = !stream_->drained();
        machine_.receive(std::span(buffer_->bytes).first(taken));
        look_at_next();
        serve_reader();
        if (!connected() || inbox_ != Inbox::exhausted) return;
        if (!socket_may_have_more_) break;
    }
    wait_to_read();
}

// Finds the next message, and acts on whatever is before it. Requires: nothing is lent.
void SessionEngine::look_at_next() {
    for (;;) {
        if (!(finished_ && read_.index() == 0) && machine_.next_whole(message_)) {
            inbox_ = Inbox::waiting;
            return;
        }
        SessionMachine::Event event = machine_.next(coarse_now());
        notice_online();
        if (event.kind == SessionMachine::Kind::failed) return lost(event.failure);
        if (event.kind == SessionMachine::Kind::none) return;
        // At the end of a session nobody waits for messages, but for the broker's own end.
        if (finished_ && read_.index() == 0) continue;
        message_ = event.message;
        inbox_ = Inbox::waiting;
        return;
    }
}

void SessionEngine::notice_online() {
    if (was_online_ || machine_.phase() != SessionMachine::Phase::online) return;
    was_online_ = true;
    trace("connected to " + one_line(machine_.broker_name()));
    complete_all(connecting_, {});
    schedule_write();
}

void SessionEngine::serve_reader() {
    if (read_.index() == 0) return;
    if (!unread_.empty()) {
        unread_lent_ = true;
        message_views_of_unread();
    } else if (inbox_ == Inbox::waiting) {
        hand_over();
    }
}

// Messages that outlived their connection, one at a time.
void SessionEngine::message_views_of_unread() {
    detail::ReadDone done = std::exchange(read_, std::monostate());
    const Message& first = unread_.front();
    if (auto* view = std::get_if<Completion<MessageView>>(&done)) {
        complete(*view, {}, first.view());
    } else if (auto* copy = std::get_if<Completion<Message>>(&done)) {
        complete(*copy, {}, Message(first.view()));
    } else if (auto* batch = std::get_if<Batch>(&done)) {
        unread_view_ = first.view();
        complete(*batch, {}, std::span<const MessageView>(&unread_view_, 1));
    }
}

void SessionEngine::hand_over() {
    detail::ReadDone done = std::exchange(read_, std::monostate());
    inbox_ = Inbox::lent;
    if (auto* view = std::get_if<Completion<MessageView>>(&done)) {
        complete(*view, {}, message_);
    } else if (auto* batch = std::get_if<Batch>(&done)) {
        std::optional<Failure> behind;
        complete(*batch, {}, gather(behind));
        if (behind) lost(*behind);
    } else if (auto* copy = std::get_if<Completion<Message>>(&done)) {
        complete(*copy, {}, Message(message_));
        // Nothing is lent: who reads one message and no more still hears of an ERROR behind it.
        inbox_ = Inbox::exhausted;
        look_at_next();
        if (connected() && inbox_ == Inbox::exhausted && !socket_may_have_more_) wait_to_read();
    }
}

// A torn frame was put together in the machine's memory, and lives there only until the next one is
// looked at: it is a batch of its own.
std::span<const MessageView> SessionEngine::gather(std::optional<Failure>& behind) {
    std::vector<MessageView>& views = buffer_->views;
    views.clear();
    views.push_back(message_);
    MessageView view;
    while (machine_.in_place() && views.size() < batch_messages_max) {
        if (machine_.next_whole(view)) {
            views.push_back(view);
            continue;
        }
        SessionMachine::Event event = machine_.next(coarse_now());
        if (event.kind == SessionMachine::Kind::failed) behind = std::move(event.failure);
        if (event.kind != SessionMachine::Kind::message) break;
        views.push_back(event.message);
    }
    return views;
}

// The connection is over: what is lent stays where it is, and what nobody has read is copied; it is
// less than a buffer. Returns what the broker said behind it, if it did.
std::optional<SessionMachine::Failure> SessionEngine::save_unread() {
    std::optional<Failure> said;
    const Inbox was = std::exchange(inbox_, Inbox::exhausted);
    if (was == Inbox::lent) kept_torn_ = machine_.release_torn();
    if (was == Inbox::waiting) unread_.emplace_back(message_);
    while (was != Inbox::exhausted) {
        SessionMachine::Event event = machine_.next(coarse_now());
        if (event.kind == SessionMachine::Kind::failed) said = std::move(event.failure);
        if (event.kind != SessionMachine::Kind::message) break;
        unread_.emplace_back(event.message);
    }
    if (was == Inbox::lent)
        kept_ = std::move(buffer_);
    else
        buffers_.give_back(std::move(buffer_));
    return said;
}

}  // namespace hpfeeds::client
