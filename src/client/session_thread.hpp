// SPDX-License-Identifier: Apache-2.0
// session_thread.hpp: a thread that keeps one session with a broker alive, and does all its I/O.
//
//     publish() → outbox (→ spool) → [ connect, greet, log in, subscribe; write, read ] → inbox
//
// A lost connection is made again after a backoff; what was subscribed is subscribed again, what
// was not sent is sent. What is sent within login_doubt of a login is kept until then: if an ERROR
// or an end of file shows that the login failed, it is sent again on the next connection. With a
// spool it is kept until the broker's system has acknowledged it.
//
// Threads    all public functions: any. The thread itself takes no signals. The inbox has one
//            reader at a time.
// Ownership  owns the connection and the spool.
// Errors     error_codes; what happens on the session is an Incident in the inbox, and the last one
//            in last_incident().
#pragma once

#include "client/acknowledged.hpp"
#include "client/backoff.hpp"
#include "client/client_machine.hpp"
#include "client/connection.hpp"
#include "client/inbox.hpp"
#include "client/limits.hpp"
#include "client/outbox.hpp"
#include "client/spool.hpp"
#include "client/wake_event.hpp"
#include "hpfeeds/options.hpp"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace hpfeeds::client {

class SessionThread {
public:
    // Throws hpfeeds::Error for bad options and for a spool that cannot be opened.
    explicit SessionThread(ClientOptions options);
    ~SessionThread();  // requires close() before
    SessionThread(const SessionThread&) = delete;
    SessionThread& operator=(const SessionThread&) = delete;

    [[nodiscard]] std::error_code publish(std::string_view channel,
                                          std::span<const std::byte> payload);
    // The same for a fraction of the price while there is a busy connection with room. False:
    // nothing was done, publish() knows what to do or to say.
    [[nodiscard]] bool publish_quickly(std::string_view channel,
                                       std::span<const std::byte> payload) {
        if (spool_ || !machine_.fits(channel, payload.size())) return false;
        const std::lock_guard lock(mutex_);
        if (!connected_ || sleeping_ || closing_ || ended_ ||
            !outbox_.push_quickly(channel, payload, awake_at_))
            return false;
        acknowledged_all_ = false;
        return true;
    }
    [[nodiscard]] std::error_code subscribe(std::string_view channel);
    void unsubscribe(std::string_view channel);

    // Waits until the broker has introduced itself.
    [[nodiscard]] std::error_code wait_connected(Deadline deadline);
    // Until there was a connection, which may be over by now; or why there will be none.
    [[nodiscard]] std::error_code wait_first_connection();
    // Waits until the broker's system has all that was published.
    [[nodiscard]] std::error_code flush(Deadline deadline);
    // Sends what waits, until the deadline, and ends the thread. Only the first call does anything;
    // later ones wait for it and say the same.
    [[nodiscard]] std::error_code close(Deadline deadline);

    [[nodiscard]] Inbox& inbox() noexcept { return inbox_; }
    [[nodiscard]] Incident last_incident() const;
    // The user knows what the inbox told so far; a refusal that nobody knows of is close()'s to
    // tell.
    void incident_was_heard();
    [[nodiscard]] std::string broker_name() const;

    struct Stats {
        std::uint64_t published = 0;
        Outbox::Counts outbox;
        std::size_t unsent_messages = 0;
        std::size_t unsent_bytes = 0;
        Spool::Counts spool;
        std::size_t spooled_messages = 0;
        std::uint64_t spool_failures = 0;
        std::uint64_t connections = 0;
        bool connected = false;
    };
    [[nodiscard]] Stats stats() const;

private:
    // The thread's side, in the order of a session's life.
    void serve();
    Incident converse();
    std::optional<Incident> greet();
    Incident exchange();
    void apply_requests();
    void feed_from_spool();
    void look_at_callers();
    [[nodiscard]] bool write_step(Incident& why);
    void sent_from_outbox(std::size_t count);
    [[nodiscard]] std::span<std::byte> room();
    [[nodiscard]] bool read_step(Incident& why);
    [[nodiscard]] bool read_what_came(Incident& why);
    [[nodiscard]] bool understand(Incident& why);
    void greeted(std::string_view broker_name);
    [[nodiscard]] Incident refused(std::string_view text);
    [[nodiscard]] Incident nonsense(std::string_view why) const;
    void settle();
    void wait_for_events();
    std::optional<Incident> say_goodbye();
    void lost(const Incident& why);
    [[nodiscard]] bool tries_again() const;
    void wait_before_next(std::chrono::milliseconds pause);
    [[nodiscard]] bool going_on() const;
    void finish(Incident why);

    void forget_spooled(std::uint64_t tag);
    void report(Incident incident);
    void trace(const std::string& line) const;
    [[nodiscard]] std::string where() const { return destination_.text(); }

    // The callers' side.
    std::error_code publish_to_spool(std::string_view channel, std::span<const std::byte> payload);
    void wait_for_room(std::unique_lock<std::mutex>& lock, std::size_t channel_bytes,
                       std::size_t payload_bytes);
    template <typename Done>
    bool wait_for_change(std::unique_lock<std::mutex>& lock, Deadline deadline, Done done) {
        if (deadline != no_deadline) return changed_.wait_until(lock, deadline, done);
        changed_.wait(lock, done);
        return true;
    }
    // With the lock.
    void wake();
    [[nodiscard]] bool all_sent() const;
    [[nodiscard]] std::error_code refusal_to_go_on() const;

    const ClientOptions options_;
    const Destination destination_;
    WakeEvent work_;   // something to write, or room to read into
    WakeEvent abort_;  // give up whatever is under way
    Inbox inbox_{work_};
    std::unique_ptr<Spool> spool_;

    // The thread's own.
    ClientMachine machine_;
    Connection connection_{abort_.descriptor()};
    Backoff backoff_;
    Acknowledged acknowledged_;
    std::unique_ptr<Inbox::Slab> slab_;  // read into; null: it went to the reader
    std::uint64_t spool_fed_ = 0;        // the newest event that is in the outbox
    Deadline doubt_ends_{};              // of the login
    Incident::Stage stage_{};            // of this connection
    bool proven_ = false;                // the login is good
    bool keeps_sent_ = false;            // the outbox keeps what was sent, as the login is in doubt
    struct {                             // what callers wanted when they were looked at
        bool requests = false;
        bool flushing = false;
        bool closing = false;
    } asked_;
    std::string refused_channel_;      // that the last ERROR named
    bool wants_to_write_ = false;      // the system took less than there was
    bool readable_ = false;            // the socket may have something
    bool reads_ = false;               // the inbox had room
    bool hung_up_ = false;             // the socket has ended
    bool said_goodbye_ = false;        // close() was carried out on a connection
    bool naps_ = false;                // waits for busy_nap, and nobody wakes it
    std::size_t turn_bytes_ = 0;       // given to the socket in this turn
    std::size_t turn_read_bytes_ = 0;  // taken from it
    bool gathers_ = false;             // naps without looking whether more has come
    short read_events_ = 0;            // what to poll for, to read and to write
    short write_events_ = 0;
    Deadline write_deadline_ = no_deadline;

    // For all below. Publishers write there all the time, so not beside what the thread alone has.
    alignas(64) mutable std::mutex mutex_;
    std::condition_variable changed_;
    Outbox outbox_;
    std::map<std::string, bool, std::less<>> requests_;  // channel: subscribe, or not any more
    bool spool_has_more_ = false;
    bool spool_is_broken_ = false;  // on this connection, nothing more is read from it
    bool spool_fails_ = false;      // since the last good append
    std::uint64_t spool_failures_ = 0;
    std::uint64_t lost_to_spool_ = 0;  // of them, not even kept in memory
    bool sleeping_ = false;            // the thread waits, and work_ must wake it
    Clock::time_point awake_at_{};     // when the thread, connected, last came back from a wait
    bool connected_ = false;
    bool acknowledged_all_ = true;      // since the last publish, as far as a flush asked
    bool lost_unacknowledged_ = false;  // a connection broke with bytes on their way
    unsigned flushing_ = 0;             // callers of flush()
    unsigned waiting_for_room_ = 0;
    std::optional<Deadline> closing_;
    bool ended_ = false;
    std::uint64_t connections_ = 0;
    std::string broker_name_;
    Incident last_incident_;
    Incident unheard_refusal_;
    std::error_code closed_with_;

    std::once_flag closed_;
    std::thread thread_;
};

}  // namespace hpfeeds::client
