// SPDX-License-Identifier: Apache-2.0
// session_machine.hpp: a session that is kept alive, without I/O: when to connect, what to send,
// what to make of an end.
//
//     stopped ─start─> waiting ─due─> connecting ─opened─> greeting ─INFO─> online
//                         ^               │                   │               │
//                         └──── lost ─────┴────── lost ───────┴───── lost ────┘
//
// The engine obeys: it calls tick() at due() and does what that says, writes what to_write() gives,
// lends what it read, and tells of every end with lost(). The same calls with a made-up clock are
// the unit tests.
//
// What the system took is kept until it is acknowledged, and for login_doubt after a login, because
// a login is answered only when it is wrong: whatever may not have reached the broker is sent again
// on the next connection.
//
// Units      times are the caller's `now`; sizes are bytes.
// Threads    one owner.
// Ownership  owns outbox, spool and subscriptions; views in an Event are ClientMachine's.
// Errors     values. The constructor throws hpfeeds::Error for options that make no sense and for a
//            spool that cannot be opened.
#pragma once

#include "client/backoff.hpp"
#include "client/client_machine.hpp"
#include "client/limits.hpp"
#include "client/outbox.hpp"
#include "client/spool.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/message.hpp"
#include "hpfeeds/options.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace hpfeeds::client {

class SessionMachine {
public:
    enum class Phase : std::uint8_t { stopped, waiting, connecting, greeting, online };
    // Why a connection ended, or could not be had.
    struct Failure {
        std::error_code code;
        std::string text;  // one line for a person
    };
    enum class Kind : std::uint8_t { none, message, failed };
    struct Event {
        Kind kind = Kind::none;
        MessageView message;  // lives until the next call of next(), receive() or lost()
        Failure failure;      // of failed: the engine closes, and calls lost() with it
    };
    enum class Action : std::uint8_t {
        nothing,
        connect,  // open a connection, then call opened() or lost()
        give_up,  // close it, and call lost() with overdue()
    };

    // `random` gives uniformly distributed numbers, for the backoff.
    SessionMachine(const ClientOptions& options, std::function<std::uint32_t()> random);

    // What the user asks for.
    std::error_code publish(std::string_view channel, std::span<const std::byte> payload,
                            Clock::time_point now);
    // publish() for a fraction of the price, online and with room; see Outbox::push_quickly().
    [[nodiscard]] bool publish_quickly(std::string_view channel, std::span<const std::byte> payload,
                                       Clock::time_point now) {
        return phase_ == Phase::online && !spool_ && protocol_.fits(channel, payload.size()) &&
               outbox_.push_quickly(channel, payload, now);
    }
    // Errc::no_room when something that was not sent would have to be dropped for it.
    std::error_code publish_if_room(std::string_view channel, std::span<const std::byte> payload,
                                    Clock::time_point now);
    std::error_code subscribe(std::string_view channel) { return protocol_.subscribe(channel); }
    void unsubscribe(std::string_view channel) { protocol_.unsubscribe(channel); }

    // A session's life.
    void start(Clock::time_point now);
    void stop(std::size_t unacknowledged_bytes, Clock::time_point now) noexcept;
    void opened(Clock::time_point now);
    // The connection is over, or there was none: waits for the next one, or stops when it is not to
    // reconnect.
    void lost(const Failure& why, std::size_t unacknowledged_bytes, Clock::time_point now);

    // Bytes from the broker, as ClientMachine has them.
    void receive(std::span<const std::byte> bytes) { protocol_.receive(bytes); }
    [[nodiscard]] Event next(Clock::time_point now);
    // See ClientMachine::next_whole(): false means next(). The view lives as long as the bytes.
    [[nodiscard]] bool next_whole(MessageView& message) noexcept {
        if (!protocol_.next_whole(message)) return false;
        proven_ = true;
        return true;
    }
    [[nodiscard]] bool in_place() const noexcept { return protocol_.in_place(); }
    [[nodiscard]] std::vector<std::byte> release_torn() noexcept {
        return protocol_.release_torn();
    }
    [[nodiscard]] bool mid_frame() const noexcept { return protocol_.torn_bytes() > 0; }

    // Bytes to the broker. Until wrote() says that some were taken, the same bytes are given first:
    // TLS wants that.
    [[nodiscard]] std::span<const std::byte> to_write() noexcept;
    void wrote(std::size_t count, std::size_t unacknowledged_bytes, Clock::time_point now);
    // The system takes no more; it has until now + ClientOptions::timeout.
    void blocked(Clock::time_point now) noexcept;
    // Room is needed more than doubts: forgets what has arrived, whether or not the login is
    // proven. Not with a spool, which keeps its promise.
    void make_room(std::size_t unacknowledged_bytes) noexcept;

    // When to call tick() at the latest.
    [[nodiscard]] Clock::time_point due() const noexcept;
    [[nodiscard]] Action tick(std::size_t unacknowledged_bytes, Clock::time_point now);
    [[nodiscard]] Failure overdue() const;

    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    [[nodiscard]] std::string_view broker_name() const noexcept { return broker_name_; }
    // Everything that was published is with the system; in memory and in the spool.
    [[nodiscard]] bool all_written() const noexcept;
    [[nodiscard]] const Outbox& outbox() const noexcept { return outbox_; }
    [[nodiscard]] const Spool* spool() const noexcept { return spool_.get(); }
    [[nodiscard]] std::uint64_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::uint64_t spool_failures() const noexcept { return spool_failures_; }
    // "localhost:10000", "[::1]:10000"
    [[nodiscard]] const std::string& where() const noexcept { return where_; }

private:
    enum class Source : std::uint8_t { none, protocol, outbox };

    [[nodiscard]] Failure refused(std::string_view text) const;
    std::error_code publish_to_spool(std::string_view channel, std::span<const std::byte> payload,
                                     Clock::time_point now);
    void feed_from_spool(Clock::time_point now);
    void forget_acknowledged(std::size_t unacknowledged_bytes, Clock::time_point now) noexcept;
    void forget_spooled(std::uint64_t tag) noexcept;
    void leave_connection(std::size_t unacknowledged_bytes, Clock::time_point now) noexcept;

    const std::chrono::milliseconds timeout_;
    const bool reconnect_;
    const std::string where_;
    ClientMachine protocol_;
    Outbox outbox_;
    std::unique_ptr<Spool> spool_;
    Backoff backoff_;

    Phase phase_ = Phase::stopped;
    Clock::time_point phase_ends_ = Clock::time_point::max();  // by then the next must have begun
    Clock::time_point online_since_{};
    bool proven_ = false;                                      // a message came: the login was good
    Clock::time_point write_ends_ = Clock::time_point::max();  // a blocked write is given up
    Clock::time_point settle_at_ = Clock::time_point::max();   // look for acknowledgements
    Source writing_ = Source::none;                            // to_write() gave from here
    std::string refused_channel_;
    std::string broker_name_;
    std::uint64_t connections_ = 0;
    std::uint64_t spool_fed_ = 0;  // the newest event that is in the outbox
    bool spool_has_more_ = false;
    std::uint64_t spool_failures_ = 0;
};

}  // namespace hpfeeds::client
