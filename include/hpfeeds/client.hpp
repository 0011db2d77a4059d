// SPDX-License-Identifier: Apache-2.0
// client.hpp: the blocking client: publish, subscribe and read, without thinking about the network.
//
//     hpfeeds::Client client{{.host = "broker.example", .ident = "me", .secret = "secret"}};
//     client.publish("cowrie.sessions", R"({"session": "1"})");
//     client.close();
//
//     client.subscribe("cowrie.sessions");
//     for (const hpfeeds::MessageView message : client) std::cout << message.text() << '\n';
//
// A client has a thread of its own, which keeps a session alive: it connects, logs in, subscribes
// and sends, and does all of it again when the connection is lost, after a growing pause. What is
// published meanwhile waits: in memory, within the bounds of ClientOptions::outbox, or in a file
// (ClientOptions::spool). What exactly is guaranteed is in docs/IMPLEMENTORS.md.
//
// Errors     Every call comes in a form that throws hpfeeds::Error and in one that fills an
//            error_code; the text for the latter is in last_error(). Invalid use is
//            Trouble::usage. Trouble with the network is reported, not thrown, while the client
//            reconnects: run() tells it to its `on_error`, and read() goes on waiting.
// Threads    publish, subscribe, unsubscribe, flush, stop, close and the questions may be called
//            from any thread, also at the same time and from inside run()'s callbacks. One thread
//            at a time reads (run, read, read_event, begin). stop() may be called from a signal
//            handler. Do not fork() a process that has a client and go on using it in the child.
// Signals    the client's thread takes none, and nothing raises SIGPIPE. A blocked call goes on
//            after a signal whose handler does not call stop().
// Ownership  a client copies what it is given. A MessageView lives until the next call that reads.
// Units      std::chrono durations; sizes in bytes.
#pragma once

#include "hpfeeds/error.hpp"
#include "hpfeeds/event.hpp"
#include "hpfeeds/export.hpp"
#include "hpfeeds/message.hpp"
#include "hpfeeds/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace hpfeeds {

// What a client has done so far. Counters never fall.
struct ClientStats {
    bool connected = false;              // a broker has introduced itself
    std::uint64_t connections = 0;       // greeted by a broker so often
    std::uint64_t published = 0;         // accepted by publish()
    std::uint64_t sent = 0;              // taken by the system; a message sent again counts again
    std::uint64_t sent_again = 0;        // sent before, on a connection whose login was in doubt
                                         // or whose bytes had not arrived
    std::uint64_t dropped_for_room = 0;  // never sent: outbox or spool was full
    std::uint64_t dropped_for_age = 0;   // never sent: waited too long
    std::uint64_t refused = 0;           // by the broker, as far as it said which
    std::uint64_t spool_failures = 0;    // could not be spooled, and waited in memory instead
    std::size_t unsent_messages = 0;     // in memory now
    std::size_t unsent_bytes = 0;        // in memory now
    std::size_t spooled_messages = 0;    // in the spool now
};

class HPFEEDS_EXPORT Client {
public:
    // Starts the session. With options.reconnect it returns at once, and the session comes about in
    // the background: connect() waits for it. Without, it connects, as the first attempt is the
    // only one.
    // Throws hpfeeds::Error: for options that make no sense; for a spool that cannot be opened;
    // without reconnect, for a broker that cannot be reached or does not introduce itself.
    explicit Client(ClientOptions options);
    Client(std::string host, std::uint16_t port, std::string ident, std::string secret);
    // close(), whatever comes of it: may wait as long as options.timeout when something is unsent.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // --- Publishing ------------------------------------------------------------------------------

    // Hands a message over to the session, and does not wait for the network: it returns when the
    // message is in the outbox, or in the spool. With a connection, but an outbox full of what the
    // broker has not yet taken, it waits for room, for options.timeout at the most; then, and
    // without a connection, the oldest message makes room and is counted in stats().
    // Errors  channel_too_long, payload_too_large; closed; what ended a session that does not
    //         reconnect; a spool error when neither the file nor memory takes the message.
    void publish(std::string_view channel, std::span<const std::byte> payload);
    void publish(std::string_view channel, std::string_view payload);
    void publish(std::string_view channel, std::span<const std::byte> payload,
                 std::error_code& error);
    void publish(std::string_view channel, std::string_view payload, std::error_code& error);

    // Waits until everything published has reached the broker's system: TCP there has acknowledged
    // it. Whether the broker has read it, and whether it refused something, is not known then;
    // close() knows more.
    // Errors  timed_out; unsent, when a connection broke under what was on its way; otherwise what
    //         keeps the session from being there.
    void flush(std::chrono::milliseconds timeout);
    void flush(std::chrono::milliseconds timeout, std::error_code& error);

    // --- Subscribing and reading -----------------------------------------------------------------

    // From now on, on this connection and all later ones. The broker answers only when it refuses.
    // Errors  channel_too_long; closed; what ended a session that does not reconnect.
    void subscribe(std::string_view channel);
    void subscribe(std::string_view channel, std::error_code& error);
    // Messages that are under way still come.
    void unsubscribe(std::string_view channel);

    // What run() calls.
    using OnMessage = std::function<void(const MessageView&)>;
    using OnError = std::function<void(const Error&)>;

    // Reads until stop() is called, or the session is over. `on_message` gets every message; the
    // view lives until it returns, and it may publish, subscribe, stop and close. `on_error` gets
    // what the broker said in an ERROR (Trouble::refusal, with its text), and every lost or failed
    // connection (Trouble::network and others); the client tries again unless it is stopped.
    // What a callback throws comes out of run(), which can then be called again.
    void run(const OnMessage& on_message, const OnError& on_error);
    // Without on_error, trouble with the network is survived in silence while the client
    // reconnects; everything else is thrown.
    void run(const OnMessage& on_message);

    // For read(): without an end.
    static constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();
    // The next message; nothing when the time is over or stop() was called.
    // Throws hpfeeds::Error for everything but trouble with the network, and for that too when the
    // session is over; the next call goes on.
    [[nodiscard]] std::optional<Message> read(std::chrono::milliseconds timeout = forever);
    // The same without copying and without exceptions: true when `message` was set. Otherwise
    // `error` says why: timed_out, interrupted (by stop()), or what read() would throw. Allocates
    // nothing per message.
    bool read(MessageView& message, std::chrono::milliseconds timeout, std::error_code& error);

    // The next thing that happens, be it a message or a connection that comes or goes: true when
    // `event` was set. Otherwise `error` says why: timed_out, interrupted (by stop()), closed, or
    // what ended a session that does not reconnect. Trouble with the network is an event here, not
    // an error. Whoever does not read in time misses events between the first and the last of
    // many, but no message. Allocates nothing per message.
    bool read_event(ClientEvent& event, std::chrono::milliseconds timeout, std::error_code& error);

    // for (const hpfeeds::MessageView message : client): reads for ever, and ends after stop().
    // Throws as read() does.
    class Iterator;
    struct End {};
    // See Iterator.
    [[nodiscard]] Iterator begin();
    [[nodiscard]] End end() const noexcept { return {}; }

    // Ends run(), read() and the loop over messages, now and for ever; publishing goes on.
    // Async-signal-safe.
    void stop() noexcept;

    // --- The session -----------------------------------------------------------------------------

    // Waits until a broker has introduced itself. That says nothing of the login yet: hpfeeds does
    // not answer a good one.
    // Errors  timed_out, or what the last attempt failed of.
    void connect(std::chrono::milliseconds timeout);
    void connect(std::chrono::milliseconds timeout, std::error_code& error);

    // Sends what waits, ends the sending half of the connection, and waits until the broker has
    // worked through everything and closes: options.timeout for all of it. Then nothing can be
    // published or read any more. With a spool, what was not sent stays there for the next client,
    // and a broker that is not there is not waited for.
    // Errors  unsent: messages are lost; unconfirmed: everything arrived, but the broker did not
    //         close; a refusal: the broker's last word, or one that no reader has heard. Calling it
    //         again gives the same.
    void close();
    void close(std::error_code& error);

    // The broker has introduced itself on the connection there is.
    [[nodiscard]] bool connected() const;
    // As it introduced itself last; empty before. Raw bytes: show it with one_line().
    [[nodiscard]] std::string broker_name() const;
    // One line for a person about the latest trouble of this session; empty when there was none.
    [[nodiscard]] std::string last_error() const;
    [[nodiscard]] ClientStats stats() const;

private:
    struct State;
    [[noreturn]] void raise(const std::error_code& error, std::string_view doing) const;
    [[noreturn]] void raise_read() const;
    std::unique_ptr<State> state_;
};

// The messages of a client, one after the other; see Client::begin().
class HPFEEDS_EXPORT Client::Iterator {
public:
    // An input iterator over MessageView; End is its sentinel.
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::input_iterator_tag;
    using value_type = MessageView;
    using difference_type = std::ptrdiff_t;
    using pointer = const MessageView*;
    using reference = const MessageView&;
    Iterator() = default;
    explicit Iterator(Client& client) : client_(&client) { ++*this; }
    [[nodiscard]] reference operator*() const noexcept { return message_; }
    [[nodiscard]] pointer operator->() const noexcept { return &message_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, End) noexcept { return at.client_ == nullptr; }

private:
    Client* client_ = nullptr;  // null: the end
    MessageView message_;
};

inline Client::Iterator Client::begin() {
    return Iterator(*this);
}

}  // namespace hpfeeds
