// SPDX-License-Identifier: Apache-2.0
// session_engine.cpp: the life of a session: running, connecting, ending. Its reading and its
// writing are files of their own.
#include "client/session_engine.hpp"

#include "client/check_options.hpp"
#include "client/tcp_connect.hpp"

#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

namespace hpfeeds::client {
namespace {

constexpr Clock::time_point never = Clock::time_point::max();
constexpr std::size_t nothing_arrived = std::numeric_limits<std::size_t>::max();

const ClientOptions& checked(const ClientOptions& options) {
    check_options(options);
    if (is_unix_socket(options.host))
        throw Error("options.host is a Unix socket: hpfeeds::Client knows them, a Session does not",
                    std::make_error_code(std::errc::invalid_argument));
    return options;
}

std::function<std::uint32_t()> new_random() {
    return [engine = std::minstd_rand(std::random_device{}())]() mutable {
        return static_cast<std::uint32_t>(engine());
    };
}

}  // namespace

SessionEngine::SessionEngine(asio::any_io_executor executor, const ClientOptions& options)
    : executor_(std::move(executor)),
      options_(checked(options)),
      buffers_(asio::use_service<ReceiveBuffers>(asio::query(executor_, asio::execution::context))),
      machine_(options, new_random()),
      socket_(executor_),
      timer_(executor_) {}

SessionEngine::~SessionEngine() {
    buffers_.leave(this);
    buffers_.give_back(std::move(buffer_));
    buffers_.give_back(std::move(kept_));
}

SessionEngine::Ticket SessionEngine::new_ticket() noexcept {
    const std::lock_guard lock(mutex_);
    return ++tickets_;
}

// --- Running -------------------------------------------------------------------------------------

void SessionEngine::run(Ticket ticket, detail::Done done) {
    const std::lock_guard lock(mutex_);
    if (closed_) return complete(done, Errc::closed);
    if (running_) return complete(done, asio::error::already_started);
    running_ = true;
    run_ticket_ = ticket;
    run_ = std::move(done);
    ended_with_ = {};
    machine_.start(Clock::now());
    go_on();
}

void SessionEngine::go_on() {
    if (!running_) return;
    const std::size_t unacknowledged = stream_ ? stream_->unacknowledged_bytes() : nothing_arrived;
    switch (machine_.tick(unacknowledged, Clock::now())) {
        case SessionMachine::Action::nothing:
            break;
        case SessionMachine::Action::connect:
            connect();
            break;
        case SessionMachine::Action::give_up:
            lost(machine_.overdue());
            break;
    }
    arm_timer();
}

// A timer that is due too early just looks again, so it is only ever moved forward.
void SessionEngine::arm_timer() {
    Clock::time_point due = std::min(close_by_, ask_again_);
    if (running_) due = std::min(due, machine_.due());
    if (attempt_) due = std::min(due, attempt_->by);
    if (due >= timer_due_ || closed_) return;
    timer_due_ = due;
    timer_.expires_at(due);
    timer_.async_wait([self = shared_from_this(), turn = ++timer_turn_](const asio::error_code&) {
        const std::lock_guard lock(self->mutex_);
        if (turn == self->timer_turn_) self->timer_fired();
    });
}

void SessionEngine::timer_fired() {
    timer_due_ = never;
    const Clock::time_point now = Clock::now();
    if (now >= close_by_)
        return finish_closing(machine_.all_written() ? Errc::unconfirmed : Errc::unsent);
    if (attempt_ && now >= attempt_->by) {
        attempt_->by = never;
        asio::error_code ignored;
        socket_.cancel(ignored);  // its connect ends, and the next address gets its turn
    }
    if (now >= ask_again_) {
        ask_again_ = never;
        check_flushed();
        admit_publishers();
        if (was_online_) schedule_write();
    }
    go_on();
    arm_timer();
}

void SessionEngine::trace(std::string_view line) const {
    if (options_.trace) options_.trace(line);
}

// --- Connecting ----------------------------------------------------------------------------------

void SessionEngine::connect() {
    ++connection_;
    attempt_ = std::make_unique<Attempt>();
    asio::error_code not_an_address;
    const asio::ip::address address = asio::ip::make_address(options_.host, not_an_address);
    if (!not_an_address) {
        attempt_->addresses.emplace_back(address, options_.port);
        return try_addresses();
    }
    attempt_->resolver.emplace(executor_);
    attempt_->resolver->async_resolve(
        options_.host, std::to_string(options_.port), Tcp::resolver::numeric_service,
        while_connected(
            [this](const asio::error_code& error, const Tcp::resolver::results_type& found = {}) {
                if (error)
                    return lost({Errc::host_not_found, machine_.where() + ": " + error.message()});
                for (const auto& entry : found)
                    attempt_->addresses.push_back(entry.endpoint());
                try_addresses();
            }));
}

// Each address gets its share of the time that is left, so that a dead one does not use up that of
// the others.
void SessionEngine::try_addresses() {
    while (attempt_->next < attempt_->addresses.size()) {
        const std::size_t left = attempt_->addresses.size() - attempt_->next;
        const Tcp::endpoint address = attempt_->addresses[attempt_->next++];
        asio::error_code error;
        socket_.close(error);
        socket_.open(address.protocol(), error);
        if (!error) socket_.non_blocking(true, error);
        if (error) {
            note_failure(address, error);
            continue;
        }
        const Clock::time_point now = Clock::now();
        attempt_->by =
            left == 1 ? never : now + (machine_.due() - now) / static_cast<Clock::rep>(left);
        socket_.async_connect(
            address, while_connected([this](const asio::error_code& failed) { tried(failed); }));
        return arm_timer();
    }
    lost({attempt_->error ? attempt_->error : make_error_code(Errc::host_not_found),
          machine_.where() + ": " + attempt_->failures});
}

void SessionEngine::note_failure(const Tcp::endpoint& address, std::error_code error) {
    if (error == asio::error::operation_aborted)
        error = Errc::timed_out;
    else if (error.category() == asio::system_category())
        error.assign(error.value(), std::generic_category());  // which std::errc compares with
    attempt_->error = error;
    if (!attempt_->failures.empty()) attempt_->failures += "; ";
    attempt_->failures += address.address().to_string() + ": " + error.message();
}

void SessionEngine::tried(const asio::error_code& error) {
    if (error) {
        note_failure(attempt_->addresses[attempt_->next - 1], error);
        return try_addresses();
    }
    attempt_.reset();
    const int descriptor = socket_.native_handle();
    prepare_socket(descriptor, options_.keepalive);
    if (options_.tls.enabled)
        stream_.emplace(descriptor, options_.host, options_.tls.trusted_file);
    else
        stream_.emplace(descriptor);
    shake_hands();
}

void SessionEngine::shake_hands() {
    switch (stream_->handshake()) {
        case Step::done:
            shaken_ = true;
            machine_.opened(Clock::now());
            wait_to_read();
            return arm_timer();
        case Step::wants_read:
            return wait_to_read();
        case Step::wants_write:
            return wait_to_write();
        case Step::closed:
            return lost({Errc::closed_by_broker,
                         machine_.where() + ": closed in the middle of the TLS handshake"});
        case Step::failed:
            return lost({stream_->failure(), machine_.where() + ": " + stream_->explanation()});
    }
}

// --- Ending --------------------------------------------------------------------------------------

void SessionEngine::lost(const Failure& given) {
    Failure why = given;
    const std::size_t unacknowledged = stream_ ? stream_->unacknowledged_bytes() : nothing_arrived;
    // What the broker said before it closed explains more than how it closed.
    if (auto said = save_unread()) why = std::move(*said);
    const bool finished = finished_;
    hang_up();
    machine_.lost(why, unacknowledged, Clock::now());
    if (closing_) {
        const bool worked_through = finished && why.code == Errc::closed_by_broker;
        if (!worked_through) tell(why);
        if (worked_through) return finish_closing({});
        if (why.code == Trouble::refusal || !running_) return finish_closing(why.code);
        if (machine_.all_written()) return finish_closing(Errc::unconfirmed);
    } else {
        tell(why);
    }
    if (machine_.phase() == SessionMachine::Phase::stopped)
        end(why.code);
    else
        arm_timer();
}

void SessionEngine::hang_up() {
    ++connection_;
    asio::error_code ignored;
    socket_.close(ignored);
    stream_.reset();
    attempt_.reset();
    shaken_ = reading_ = writing_ = write_scheduled_ = was_online_ = finished_ = false;
    socket_may_have_more_ = false;
}

void SessionEngine::disconnect() {
    const std::size_t unacknowledged = stream_ ? stream_->unacknowledged_bytes() : nothing_arrived;
    static_cast<void>(save_unread());
    hang_up();
    machine_.stop(unacknowledged, Clock::now());
    running_ = false;
    ++timer_turn_;
    timer_due_ = never;
    timer_.cancel();
}

void SessionEngine::tell(const Failure& why) {
    last_trouble_ = why;
    trace(why.text);
    if (told_)
        asio::post(executor_, [told = told_, error = Error(why.text, why.code)] { told(error); });
}

// Without reconnect: the first connection was the only one.
void SessionEngine::end(std::error_code why) {
    if (closing_) return finish_closing(machine_.all_written() ? why : Errc::unsent);
    running_ = false;
    ended_with_ = why;
    complete(run_, why);
    end_operations(why);
}

void SessionEngine::end_operations(std::error_code why) {
    refuse_read(why);
    complete_all(flushing_, why);
    complete_all(connecting_, why);
    for (Publishing& each : publishing_)
        complete(each.done, why);
    publishing_.clear();
}

void SessionEngine::complete_all(std::vector<Waiting>& waiting, std::error_code error) {
    for (Waiting& each : std::exchange(waiting, {}))
        complete(each.done, error);
}

void SessionEngine::close() noexcept {
    const std::lock_guard lock(mutex_);
    close_now(asio::error::operation_aborted);
}

void SessionEngine::close_now(std::error_code for_operations) {
    if (closed_) return;
    disconnect();
    closed_ = true;
    complete(run_, Errc::closed);
    complete(close_.done, for_operations);
    end_operations(for_operations);
    told_ = {};
}

void SessionEngine::close_gently(Ticket ticket, detail::Done done) {
    const std::lock_guard lock(mutex_);
    if (closed_) return complete(done, Errc::closed);
    if (closing_) return complete(done, asio::error::already_started);
    closing_ = true;
    close_ = {ticket, std::move(done)};
    const bool all_written = machine_.all_written() && publishing_.empty();
    if (!running_ || (!connected() && (all_written || machine_.spool() != nullptr)))
        return finish_closing(all_written ? ended_with_ : make_error_code(Errc::unsent));
    close_by_ = Clock::now() + options_.timeout;
    if (connected()) check_flushed();
    if (!closed_) arm_timer();
}

void SessionEngine::finish_closing(std::error_code why) {
    // What a spool holds is not lost.
    if (why == Errc::unsent && machine_.spool() != nullptr && machine_.spool_failures() == 0)
        why = {};
    close_by_ = never;
    detail::Done done = std::move(close_.done);
    close_now(asio::error::operation_aborted);
    complete(done, why);
}

// The context is being destroyed: handlers go uncalled, and may take this session with them.
void SessionEngine::abandon() noexcept {
    const auto self = weak_from_this().lock();
    if (!self) return;
    detail::Done run;
    detail::Done close;
    detail::ReadDone read;
    std::vector<Waiting> waiting;
    std::vector<Waiting> connecting;
    std::list<Publishing> publishing;
    std::function<void(const Error&)> told;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ++connection_;
    ++timer_turn_;
    std::swap(run, run_);
    std::swap(close, close_.done);
    std::swap(read, read_);
    std::swap(waiting, flushing_);
    std::swap(connecting, connecting_);
    std::swap(publishing, publishing_);
    std::swap(told, told_);
}

// --- Cancelling and asking -----------------------------------------------------------------------

void SessionEngine::cancel(Operation operation, Ticket ticket) {
    const std::lock_guard lock(mutex_);
    const std::error_code aborted = asio::error::operation_aborted;
    const auto cancel_one = [&](std::vector<Waiting>& waiting) {
        const auto found = std::find_if(waiting.begin(), waiting.end(),
                                        [&](const Waiting& each) { return each.ticket == ticket; });
        if (found == waiting.end()) return;
        complete(found->done, aborted);
        waiting.erase(found);
    };
    switch (operation) {
        case Operation::run:
            if (!running_ || ticket != run_ticket_) return;
            disconnect();
            return complete(run_, aborted);
        case Operation::read:
            if (ticket == read_ticket_) refuse_read(aborted);
            return;
        case Operation::publish:
            for (auto each = publishing_.begin(); each != publishing_.end(); ++each) {
                if (each->ticket != ticket) continue;
                complete(each->done, aborted);
                publishing_.erase(each);
                return;
            }
            return;
        case Operation::flush:
            return cancel_one(flushing_);
        case Operation::connected:
            return cancel_one(connecting_);
        case Operation::close:
            if (close_.done && ticket == close_.ticket) close_now(aborted);
            return;
    }
}

void SessionEngine::wait_connected(Ticket ticket, detail::Done done) {
    const std::lock_guard lock(mutex_);
    if (const auto over = closed_with()) return complete(done, over);
    if (was_online_) return complete(done, {});
    if (connecting_.size() == waiting_operations_max) return complete(done, Errc::no_room);
    connecting_.push_back({ticket, std::move(done)});
}

std::error_code SessionEngine::closed_with() const noexcept {
    return closed_ ? make_error_code(Errc::closed) : ended_with_;
}

void SessionEngine::on_trouble(std::function<void(const Error&)> told) {
    const std::lock_guard lock(mutex_);
    std::swap(told_, told);
}

Error SessionEngine::last_trouble() const {
    const std::lock_guard lock(mutex_);
    return Error(last_trouble_.text, last_trouble_.code);
}

SessionStats SessionEngine::stats() const {
    const std::lock_guard lock(mutex_);
    const Outbox& outbox = machine_.outbox();
    SessionStats stats;
    stats.connected = was_online_;
    stats.connections = machine_.connections();
    stats.published = outbox.counts().pushed;
    stats.sent = outbox.counts().sent;
    stats.sent_again = outbox.counts().sent_again;
    stats.dropped_for_room = outbox.counts().dropped_for_room;
    stats.dropped_for_age = outbox.counts().dropped_for_age;
    stats.refused = outbox.counts().refused;
    stats.unsent_messages = outbox.unsent_messages();
    stats.unsent_bytes = outbox.unsent_bytes();
    stats.spool_failures = machine_.spool_failures();
    if (const Spool* spool = machine_.spool()) {
        stats.published = spool->counts().appended + machine_.spool_failures();
        stats.dropped_for_room += spool->counts().dropped_for_room;
        stats.dropped_for_age += spool->counts().dropped_for_age;
        stats.spooled_messages = spool->events();
    }
    return stats;
}

}  // namespace hpfeeds::client

namespace hpfeeds::detail {

std::shared_ptr<SessionCore> SessionCore::make(asio::any_io_executor executor,
                                               const ClientOptions& options) {
    auto engine = std::make_shared<client::SessionEngine>(std::move(executor), options);
    engine->enter();
    return engine;
}

}  // namespace hpfeeds::detail
