// SPDX-License-Identifier: Apache-2.0
#include "client/session_thread.hpp"

#include "client/adaptive_mutex.hpp"
#include "client/check_options.hpp"

#include <poll.h>
#include <algorithm>
#include <csignal>
#include <random>
#include <utility>

namespace hpfeeds::client {
namespace {

std::string seconds(std::chrono::milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

const ClientOptions& checked(const ClientOptions& options) {
    check_options(options);
    return options;
}

// The window on a spool is not what its user bounds: the spool is.
Outbox::Limits outbox_limits(const ClientOptions& options) {
    if (!options.spool.path.empty()) return {spool_window_bytes, Clock::duration::max()};
    return {options.outbox.bytes_max, options.outbox.age_max};
}

}  // namespace

SessionThread::SessionThread(ClientOptions options)
    : options_(std::move(options)),
      destination_(destination_of(checked(options_))),
      spool_(options_.spool.path.empty()
                 ? nullptr
                 : std::make_unique<Spool>(
                       options_.spool.path,
                       Spool::Limits{options_.spool.bytes_max, options_.spool.age_max})),
      machine_(options_.ident, options_.secret),
      backoff_({options_.backoff.first, options_.backoff.longest},
               std::mt19937(std::random_device{}())),
      outbox_(options_.ident, outbox_limits(options_)),
      spool_has_more_(spool_ && spool_->events() > 0) {
    make_adaptive(mutex_);
    // Signals are the program's own threads' to take.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread([this] { serve(); });
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SessionThread::~SessionThread() = default;

void SessionThread::serve() {
    Incident why;
    do {
        if (spool_)
            if (const std::error_code error = spool_->drop_expired(Spool::WallClock::now()))
                report({error, spool_->explanation()});
        const Clock::time_point begin = Clock::now();
        why = converse();
        if (Clock::now() - begin >= good_connection) backoff_.reset();
        lost(why);
        std::optional<std::chrono::milliseconds> pause;
        if (tries_again()) pause = backoff_.next();
        if (why.code && why.code != Errc::interrupted) {
            why.kind = Incident::Kind::disconnected;
            why.stage = stage_;
            why.pause = pause;
            report(why);
        }
        if (!pause) break;
        wait_before_next(*pause);
    } while (going_on());
    finish(std::move(why));
}

// With closing_ set, another attempt makes sense only for messages that would be gone for good.
bool SessionThread::going_on() const {
    const std::lock_guard lock(mutex_);
    return !closing_ || (!spool_ && !all_sent() && Clock::now() < *closing_);
}

bool SessionThread::tries_again() const {
    return options_.reconnect && !said_goodbye_ && going_on();
}

void SessionThread::wait_before_next(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex_);
    const bool was_closing = closing_.has_value();
    Deadline until = in(pause);
    if (was_closing) until = std::min(until, *closing_);
    if (!was_closing) trace("trying again in " + std::to_string(pause.count()) + " ms");
    changed_.wait_until(lock, until, [&] { return !was_closing && closing_.has_value(); });
}

// One connection, from its attempt to its end, and why it ended.
Incident SessionThread::converse() {
    machine_.reset();
    acknowledged_.reset();
    stage_ = Incident::Stage::connecting;
    proven_ = false;
    keeps_sent_ = false;
    asked_ = {};
    wants_to_write_ = false;
    readable_ = true;
    hung_up_ = false;
    read_events_ = POLLIN;
    write_deadline_ = no_deadline;
    apply_requests();
    trace("connecting to " + where() + (destination_.tls ? " with TLS" : ""));
    if (const auto error = connection_.open(destination_, in(options_.timeout)))
        return {error, "cannot connect to " + where() + ": " + connection_.explanation()};
    trace("connected to " + connection_.explanation());
    stage_ = Incident::Stage::greeting;
    if (auto failed = greet()) return std::move(*failed);
    {
        const std::lock_guard lock(mutex_);
        connected_ = true;
        awake_at_ = coarse_now();
        ++connections_;
        spool_is_broken_ = false;
        changed_.notify_all();
    }
    doubt_ends_ = in(login_doubt);
    return exchange();
}

// The broker speaks first, and soon.
std::optional<Incident> SessionThread::greet() {
    const Deadline deadline = in(options_.timeout);
    for (;;) {
        std::size_t taken = 0;
        if (const auto error = connection_.read_some(room(), deadline, taken)) {
            const bool silent = error == Errc::timed_out;
            return Incident{
                error,
                where() + (silent ? " said nothing for " + seconds(options_.timeout)
                                  : " did not introduce itself: " + connection_.explanation())};
        }
        machine_.receive(std::span(*slab_).first(taken));
        Incident why;
        const bool understood = understand(why);
        inbox_.wake_reader();
        if (!understood) return why;
        if (machine_.connected()) return {};
    }
}

// What is not sent stays for the next connection; so does what the broker surely ignored.
void SessionThread::lost(const Incident& why) {
    std::uint64_t refused = 0;
    const bool unacknowledged = connection_.unacknowledged_bytes() > 0;
    connection_.close();
    {
        const std::lock_guard lock(mutex_);
        connected_ = false;
        if (why.code == Errc::publish_refused) refused = outbox_.forget_refused(refused_channel_);
        if (unacknowledged && !spool_ && outbox_.position() > 0) lost_unacknowledged_ = true;
        outbox_.rewind();
        if (!spool_) outbox_.drop_expired(Clock::now());
        changed_.notify_all();
    }
    if (refused != 0) forget_spooled(refused);
    if (why.code == Errc::authentication_failed) backoff_.slow_down();
}

void SessionThread::report(Incident incident) {
    trace(incident.text);
    {
        const std::lock_guard lock(mutex_);
        last_incident_ = incident;
        if (incident.code == Trouble::refusal) unheard_refusal_ = incident;
    }
    Inbox::Filling(inbox_).add(std::move(incident));
}

void SessionThread::finish(Incident why) {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        // Without a goodbye, how the last attempt ended matters only to what it should have sent.
        if (said_goodbye_ || !options_.reconnect) closed_with_ = why.code;
        if (!all_sent() && !(closed_with_ == Trouble::refusal))
            closed_with_ = spool_ ? std::error_code{} : std::error_code(Errc::unsent);
        if (closed_with_ == Errc::interrupted) closed_with_ = {};
        // A refusal that nobody has heard of explains more than what came of it. A login that was
        // refused once and accepted later is no news, as nothing was lost.
        const bool matters = unheard_refusal_.code == Errc::publish_refused || !all_sent();
        if (unheard_refusal_.code && matters && !(closed_with_ == Trouble::refusal)) {
            closed_with_ = unheard_refusal_.code;
            last_incident_ = unheard_refusal_;
            why = {};
        }
        if (why.code && why.code != Errc::interrupted) last_incident_ = why;
        changed_.notify_all();
    }
    if (why.code == Errc::interrupted || !why.code) why = {Errc::closed, "the client is closed"};
    Inbox::Filling(inbox_).end(std::move(why));
}

void SessionThread::trace(const std::string& line) const {
    if (options_.trace) options_.trace(line);
}

}  // namespace hpfeeds::client
