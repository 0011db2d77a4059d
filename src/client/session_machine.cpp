// SPDX-License-Identifier: Apache-2.0
#include "client/session_machine.hpp"

#include "client/check_options.hpp"
#include "client/errc.hpp"
#include "hpfeeds/text.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace hpfeeds::client {
namespace {

// How long after a write to look whether it was acknowledged, when nothing else is written.
constexpr std::chrono::milliseconds settle_pause{500};
// A broker's words beyond this are not worth a line.
constexpr std::size_t error_text_bytes_max = 1024;
constexpr std::size_t nothing_acknowledged = std::numeric_limits<std::size_t>::max();
constexpr Clock::time_point never = Clock::time_point::max();

std::string in_words(std::chrono::milliseconds time) {
    return std::to_string(time.count()) + " ms";
}

Outbox::Limits outbox_limits(const ClientOptions& options) {
    // What comes from a spool may be as old as the spool allows.
    return {options.outbox.bytes_max,
            options.spool.path.empty() ? options.outbox.age_max : options.spool.age_max};
}

std::unique_ptr<Spool> open_spool(const SpoolOptions& options) {
    if (options.path.empty()) return nullptr;
    return std::make_unique<Spool>(options.path, Spool::Limits{options.bytes_max, options.age_max});
}

}  // namespace

SessionMachine::SessionMachine(const ClientOptions& options, std::function<std::uint32_t()> random)
    : timeout_(options.timeout),
      reconnect_(options.reconnect),
      where_(destination_of(options).text()),
      protocol_(options.ident, options.secret),
      outbox_(options.ident, outbox_limits(options)),
      spool_(open_spool(options.spool)),
      backoff_({options.backoff.first, options.backoff.longest}, std::move(random)) {
    spool_has_more_ = spool_ && spool_->events() > 0;
}

std::error_code SessionMachine::publish(std::string_view channel,
                                        std::span<const std::byte> payload, Clock::time_point now) {
    if (const auto refused = protocol_.check_publish(channel, payload.size())) return refused;
    if (spool_) return publish_to_spool(channel, payload, now);
    if (phase_ == Phase::waiting) outbox_.drop_expired(now);
    outbox_.push(channel, payload, now, Outbox::Overflow::drop_oldest);
    return {};
}

std::error_code SessionMachine::publish_if_room(std::string_view channel,
                                                std::span<const std::byte> payload,
                                                Clock::time_point now) {
    if (const auto refused = protocol_.check_publish(channel, payload.size())) return refused;
    if (spool_) return publish_to_spool(channel, payload, now);
    if (!outbox_.push(channel, payload, now, Outbox::Overflow::refuse)) return Errc::no_room;
    return {};
}

// What the file refuses is kept in memory, which is better than nothing; the caller is told.
std::error_code SessionMachine::publish_to_spool(std::string_view channel,
                                                 std::span<const std::byte> payload,
                                                 Clock::time_point now) {
    const std::error_code failed = spool_->append(channel, payload, Spool::WallClock::now());
    if (failed) {
        ++spool_failures_;
        outbox_.push(channel, payload, now, Outbox::Overflow::drop_oldest);
        return failed;
    }
    spool_has_more_ = true;
    feed_from_spool(now);
    return {};
}

void SessionMachine::feed_from_spool(Clock::time_point now) {
    if (!spool_has_more_ || phase_ != Phase::online) return;
    bool full = false;
    const std::error_code failed = spool_->read_after(spool_fed_, [&](const Spool::Event& event) {
        full =
            outbox_.cost() > spool_window_bytes ||
            (!protocol_.check_publish(event.channel, event.payload.size()) &&
             !outbox_.push(event.channel, event.payload, now, Outbox::Overflow::refuse, event.id));
        if (!full) spool_fed_ = event.id;
        return !full;
    });
    if (failed) ++spool_failures_;
    // A file that fails now is asked again on the next connection, or with the next event.
    spool_has_more_ = full;
}

void SessionMachine::start(Clock::time_point now) {
    phase_ = Phase::waiting;
    phase_ends_ = now;
}

void SessionMachine::stop(std::size_t unacknowledged_bytes, Clock::time_point now) noexcept {
    leave_connection(unacknowledged_bytes, now);
    phase_ = Phase::stopped;
    phase_ends_ = never;
}

void SessionMachine::opened(Clock::time_point now) {
    protocol_.reset();
    outbox_.drop_expired(now);
    if (spool_ && spool_->drop_expired(Spool::WallClock::now())) ++spool_failures_;
    refused_channel_.clear();
    proven_ = false;
    phase_ = Phase::greeting;
    phase_ends_ = now + timeout_;
}

SessionMachine::Event SessionMachine::next(Clock::time_point now) {
    for (;;) {
        const ClientMachine::Event event = protocol_.next();
        switch (event.kind) {
            case ClientMachine::Kind::none:
                return {};
            case ClientMachine::Kind::connected:
                phase_ = Phase::online;
                phase_ends_ = never;
                online_since_ = now;
                broker_name_ = event.name;
                ++connections_;
                spool_has_more_ = spool_has_more_ || (spool_ && spool_->events() > 0);
                feed_from_spool(now);
                break;
            case ClientMachine::Kind::message:
                proven_ = true;
                return {Kind::message, {event.ident, event.channel, event.payload}, {}};
            case ClientMachine::Kind::error:
                refused_channel_ = refused_channel(event.text);
                return {Kind::failed, {}, refused(event.text)};
            case ClientMachine::Kind::violation:
                return {
                    Kind::failed, {}, {Errc::not_hpfeeds, where_ + ": " + std::string(event.text)}};
        }
    }
}

SessionMachine::Failure SessionMachine::refused(std::string_view text) const {
    return {refusal_of(text),
            where_ + ": the broker says: " + one_line(text.substr(0, error_text_bytes_max))};
}

std::span<const std::byte> SessionMachine::to_write() noexcept {
    if (writing_ == Source::none)
        writing_ = protocol_.unsent().empty() || !outbox_.at_frame_boundary() ? Source::outbox
                                                                              : Source::protocol;
    if (writing_ == Source::protocol) return protocol_.unsent();
    const std::span<const std::byte> bytes =
        phase_ == Phase::online ? outbox_.lend() : std::span<const std::byte>{};
    if (bytes.empty()) writing_ = Source::none;
    return bytes;
}

void SessionMachine::wrote(std::size_t count, std::size_t unacknowledged_bytes,
                           Clock::time_point now) {
    if (std::exchange(writing_, Source::none) == Source::protocol)
        protocol_.sent(count);
    else
        outbox_.sent(count);
    write_ends_ = never;
    forget_acknowledged(unacknowledged_bytes, now);
    if (outbox_.cost() < spool_window_bytes / 2) feed_from_spool(now);
    if (settle_at_ == never && outbox_.cost() > 0) settle_at_ = now + settle_pause;
}

void SessionMachine::blocked(Clock::time_point now) noexcept {
    if (write_ends_ == never) write_ends_ = now + timeout_;
}

void SessionMachine::forget_acknowledged(std::size_t unacknowledged_bytes,
                                         Clock::time_point now) noexcept {
    if (phase_ != Phase::online || (!proven_ && now - online_since_ < login_doubt)) return;
    // What is unacknowledged may be SUBSCRIBEs and TLS's own bytes: this errs on the safe side.
    if (outbox_.position() <= unacknowledged_bytes) return;
    forget_spooled(outbox_.forget(outbox_.position() - unacknowledged_bytes));
}

void SessionMachine::make_room(std::size_t unacknowledged_bytes) noexcept {
    if (!spool_ && outbox_.position() > unacknowledged_bytes)
        forget_spooled(outbox_.forget(outbox_.position() - unacknowledged_bytes));
}

void SessionMachine::forget_spooled(std::uint64_t tag) noexcept {
    if (tag != 0 && spool_ && spool_->forget(tag)) ++spool_failures_;
}

void SessionMachine::leave_connection(std::size_t unacknowledged_bytes,
                                      Clock::time_point now) noexcept {
    forget_acknowledged(unacknowledged_bytes, now);
    outbox_.rewind();
    writing_ = Source::none;
    write_ends_ = never;
    settle_at_ = never;
}

void SessionMachine::lost(const Failure& why, std::size_t unacknowledged_bytes,
                          Clock::time_point now) {
    if (why.code == Errc::publish_refused) forget_spooled(outbox_.forget_refused(refused_channel_));
    // What is behind a refused frame arrived, and was not carried out.
    const bool stopped_short = why.code == Errc::publish_refused ||
                               why.code == Errc::subscribe_refused ||
                               why.code == Errc::authentication_failed;
    const bool was_good = phase_ == Phase::online && now - online_since_ >= good_connection;
    leave_connection(stopped_short ? nothing_acknowledged : unacknowledged_bytes, now);
    if (was_good) backoff_.reset();
    if (why.code == Errc::authentication_failed) backoff_.slow_down();
    phase_ = reconnect_ ? Phase::waiting : Phase::stopped;
    phase_ends_ = reconnect_ ? now + backoff_.next() : never;
}

Clock::time_point SessionMachine::due() const noexcept {
    return std::min({phase_ends_, write_ends_, settle_at_});
}

SessionMachine::Action SessionMachine::tick(std::size_t unacknowledged_bytes,
                                            Clock::time_point now) {
    if (now >= settle_at_) {
        forget_acknowledged(unacknowledged_bytes, now);
        const bool settled = outbox_.cost() == 0;
        if (settled) outbox_.trim();
        settle_at_ = settled ? never : now + settle_pause;
    }
    if (now >= write_ends_) return Action::give_up;
    if (now < phase_ends_) return Action::nothing;
    if (phase_ != Phase::waiting) return Action::give_up;
    phase_ = Phase::connecting;
    phase_ends_ = now + timeout_;
    return Action::connect;
}

SessionMachine::Failure SessionMachine::overdue() const {
    const std::string patience = in_words(timeout_);
    switch (phase_) {
        case Phase::greeting:
            return {Errc::timed_out,
                    where_ + ": connected, but no greeting came within " + patience};
        case Phase::online:
            return {Errc::timed_out, where_ + ": the broker took nothing for " + patience};
        default:
            return {Errc::timed_out, where_ + ": no connection within " + patience};
    }
}

bool SessionMachine::all_written() const noexcept {
    return outbox_.unsent_messages() == 0 && !spool_has_more_;
}

}  // namespace hpfeeds::client
