// SPDX-License-Identifier: Apache-2.0
// session.hpp: the asynchronous client, on standalone Asio, for any completion token.
//
//     asio::awaitable<void> report() {
//         hpfeeds::Session session(co_await asio::this_coro::executor, options);
//         session.start();
//         session.publish("cowrie.sessions", R"({"session": "1"})");
//         co_await session.async_close(asio::use_awaitable);
//     }
//
//     session.subscribe("cowrie.sessions");
//     for (;;) {
//         hpfeeds::Message message = co_await session.async_read(asio::use_awaitable);
//         …
//     }
//
// A session is kept alive by async_run: it connects, logs in, subscribes and sends, and does all of
// it again when the connection is lost, after a growing pause. What is published meanwhile waits in
// the outbox or the spool; docs/implementors/async.md says what exactly is guaranteed.
//
// Errors     Operations complete with a std::error_code, which use_awaitable and use_future throw
//            as std::system_error; Errc and Trouble (error.hpp) tell them apart. Trouble with the
//            network is survived and told to on_trouble(), with its text. asio::error::
//            operation_aborted: cancelled, or the session was destroyed.
// Cancelling Every operation can be cancelled alone, by the slot of its handler; each says which
//            kinds it knows and what they leave behind. The session goes on.
// Threads    every function may be called from any thread, also at the same time: a lock of the
//            session is held for moments, never while user code runs. Handlers run on their
//            associated executor, or the session's; never from inside the call that starts an
//            operation. A strand, an io_context with several threads and a thread_pool all do.
// Signals    nothing raises SIGPIPE.
// Lifetimes  A session may be destroyed with operations pending: they complete with
//            operation_aborted. It must not outlive its execution context. What a call takes is
//            copied unless it says otherwise; a view says until when it lives.
// Units      std::chrono durations; sizes in bytes.
#pragma once

#include "hpfeeds/detail/completion.hpp"
#include "hpfeeds/detail/publish_range.hpp"
#include "hpfeeds/detail/session_core.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/message.hpp"
#include "hpfeeds/options.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/execution_context.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace hpfeeds {

// What a session has done so far. Counters never fall.
struct SessionStats {
    bool connected = false;              // the broker has introduced itself
    std::uint64_t connections = 0;       // greeted by a broker so often
    std::uint64_t published = 0;         // accepted by a publish of any kind
    std::uint64_t sent = 0;              // taken by the system; a message sent again counts again
    std::uint64_t sent_again = 0;        // sent before, but perhaps not arrived
    std::uint64_t dropped_for_room = 0;  // never sent: outbox or spool was full
    std::uint64_t dropped_for_age = 0;   // never sent: waited too long
    std::uint64_t refused = 0;           // by the broker, as far as it said which
    std::uint64_t spool_failures = 0;    // could not be spooled, and waited in memory instead
    std::size_t unsent_messages = 0;     // in memory now
    std::size_t unsent_bytes = 0;        // in memory now
    std::size_t spooled_messages = 0;    // in the spool now
};

class Session {
public:
    // What the session and its completions run on, unless a handler has its own.
    using executor_type = asio::any_io_executor;

    // Does nothing yet: start() or async_run() does.
    // Throws hpfeeds::Error for options that make no sense and for a spool that cannot be opened.
    Session(executor_type executor, const ClientOptions& options)
        : core_(detail::SessionCore::make(std::move(executor), options)) {}
    // The same, on a context's own executor.
    template <std::derived_from<asio::execution_context> Context>
    Session(Context& context, const ClientOptions& options)
        : Session(executor_type(context.get_executor()), options) {}
    // close().
    ~Session() {
        if (core_) core_->close();
    }
    // A moved-from session can only be assigned to and destroyed. Operations pending stay with the
    // session that was moved.
    Session(Session&&) noexcept = default;
    Session& operator=(Session&& other) noexcept {
        if (core_ && core_ != other.core_) core_->close();
        core_ = std::move(other.core_);
        return *this;
    }

    // The one given to the constructor.
    [[nodiscard]] executor_type get_executor() const noexcept { return core_->executor(); }

    // --- The session's life ----------------------------------------------------------------------

    // Keeps the session alive until it is cancelled or closed, or, without
    // ClientOptions::reconnect, until the first connection ends.
    //   Signature  void(std::error_code)
    //   Completes  operation_aborted after a cancellation; Errc::closed after close() and
    //              async_close(); without reconnect, with what ended the session, and then every
    //              other pending operation does so, too; asio::error::already_started when it runs.
    //   Cancelling terminal, partial: the connection is cut at once. Subscriptions, outbox and
    //              pending operations stay, and another async_run goes on with them. total: not
    //              supported, for the broker notices.
    template <asio::completion_token_for<void(std::error_code)> Token>
    auto async_run(Token&& token) {
        return initiate<void(std::error_code)>(
            Operation::run, terminal_or_partial,
            [](Core& core, Ticket ticket, Done done) { core.run(ticket, std::move(done)); },
            std::forward<Token>(token));
    }
    // async_run() without anybody who wants to know how it ended; on_trouble() tells.
    void start() { core_->run(core_->new_ticket(), {}); }

    // Completes when a broker has introduced itself, at once when one has. That says nothing of the
    // login yet: hpfeeds does not answer a good one.
    //   Signature  void(std::error_code)
    //   Cancelling total, partial, terminal: nothing has happened.
    template <asio::completion_token_for<void(std::error_code)> Token>
    auto async_connected(Token&& token) {
        return initiate<void(std::error_code)>(
            Operation::connected, any_kind,
            [](Core& core, Ticket ticket, Done done) {
                core.wait_connected(ticket, std::move(done));
            },
            std::forward<Token>(token));
    }

    // Completes when everything published so far and meanwhile has reached the broker's system: TCP
    // there has acknowledged it. Whether the broker has read it, and whether it refused something,
    // is not known then; async_close() knows more. Stays pending while there is no broker.
    //   Signature  void(std::error_code)
    //   Completes  success; what ended a session that does not reconnect
    //   Cancelling total, partial, terminal: only the waiting ends.
    template <asio::completion_token_for<void(std::error_code)> Token>
    auto async_flush(Token&& token) {
        return initiate<void(std::error_code)>(
            Operation::flush, any_kind,
            [](Core& core, Ticket ticket, Done done) { core.flush(ticket, std::move(done)); },
            std::forward<Token>(token));
    }

    // The end of a session in good order: sends what waits, ends the sending half of the
    // connection, and waits until the broker has worked through everything and closes; then
    // close(). All of it has ClientOptions::timeout. With a spool, what was not sent stays there.
    //   Signature  void(std::error_code)
    //   Completes  success; Errc::unsent: something was lost; Errc::unconfirmed: all was sent, but
    //              the broker did not close in time; a refusal, when that was the broker's last
    //              word
    //   Cancelling total, partial, terminal: close() at once.
    template <asio::completion_token_for<void(std::error_code)> Token>
    auto async_close(Token&& token) {
        return initiate<void(std::error_code)>(
            Operation::close, any_kind,
            [](Core& core, Ticket ticket, Done done) {
                core.close_gently(ticket, std::move(done));
            },
            std::forward<Token>(token));
    }
    // The end at once: cuts the connection and forgets what was not sent. Pending operations
    // complete with operation_aborted, later ones with Errc::closed.
    void close() noexcept { core_->close(); }

    // --- Publishing ------------------------------------------------------------------------------

    // Puts a message into the outbox, never waiting for the network: when the outbox is full, the
    // oldest message makes room and is counted in stats(). With a spool it returns when the message
    // is in the file, which may take the time of a write to disk.
    // Errors  channel_too_long, payload_too_large, closed; a spool error: the message is then in
    //         memory only.
    void publish(std::string_view channel, std::span<const std::byte> payload) {
        std::error_code error;
        publish(channel, payload, error);
        raise(error, "publish");
    }
    void publish(std::string_view channel, std::string_view payload) {
        publish(channel, std::as_bytes(std::span(payload)));
    }
    void publish(std::string_view channel, std::span<const std::byte> payload,
                 std::error_code& error) {
        error = core_->publish(channel, payload);
    }
    void publish(std::string_view channel, std::string_view payload, std::error_code& error) {
        publish(channel, std::as_bytes(std::span(payload)), error);
    }

    // The same, but nothing is dropped for it: completes when there is room and the message is in
    // the outbox. Waiting messages keep their order. At most 1024 wait; more are Errc::no_room.
    //   Signature  void(std::error_code)
    //   Lifetimes  channel and payload must live until it completes.
    //   Cancelling total, partial, terminal: the message was not published.
    template <asio::completion_token_for<void(std::error_code)> Token>
    auto async_publish(std::string_view channel, std::span<const std::byte> payload,
                       Token&& token) {
        return initiate<void(std::error_code)>(
            Operation::publish, any_kind,
            [channel, payload](Core& core, Ticket ticket, Done done) {
                core.publish_when_room(ticket, channel, payload, std::move(done));
            },
            std::forward<Token>(token));
    }
    // The same, for text.
    template <asio::completion_token_for<void(std::error_code)> Token>
    auto async_publish(std::string_view channel, std::string_view payload, Token&& token) {
        return async_publish(channel, std::as_bytes(std::span(payload)),
                             std::forward<Token>(token));
    }

    // Publishes every element of a range (a container, a view, a generator: anything with one pass
    // whose elements are text or bytes), waiting for room as async_publish does. hpfeeds/stream.hpp
    // has the same for asynchronous streams.
    //   Signature  void(std::error_code, std::size_t published)
    //   Lifetimes  The range is moved in, or copied; a view's elements must live until it
    //   completes.
    //              The channel is copied.
    //   Threads    The range is advanced by the caller at first, then on the handler's executor.
    //   Cancelling partial, terminal: completes with the number that was published. total: the
    //              same, as long as nothing was.
    template <std::ranges::input_range Range,
              asio::completion_token_for<void(std::error_code, std::size_t)> Token>
    requires detail::Payloads<Range>
    auto async_publish_range(std::string channel, Range&& range, Token&& token) {
        return asio::async_initiate<Token, void(std::error_code, std::size_t)>(
            [core = core_](auto handler, std::string to, auto source) {
                detail::PublishRange<std::decay_t<decltype(source)>, decltype(handler)>::start(
                    core, std::move(to), std::move(source), std::move(handler));
            },
            token, std::move(channel), std::decay_t<Range>(std::forward<Range>(range)));
    }

    // --- Subscribing and reading -----------------------------------------------------------------

    // From now on, on this connection and all later ones. The broker answers only when it refuses:
    // on_trouble() tells, and the session connects again, in case the refusal ends.
    // Errors  channel_too_long, closed
    void subscribe(std::string_view channel) {
        std::error_code error;
        subscribe(channel, error);
        raise(error, "subscribe");
    }
    void subscribe(std::string_view channel, std::error_code& error) {
        error = core_->subscribe(channel);
    }
    // Messages that are under way still come.
    void unsubscribe(std::string_view channel) { core_->unsubscribe(channel); }

    // The next message. One operation reads at a time; a second one completes with
    // asio::error::already_started. Who subscribes must read: while messages wait, nothing more is
    // read from the broker, which in the end gives a slow reader up.
    //   Signature  void(std::error_code, Message)
    //   Completes  stays pending while there is no broker
    //   Cancelling total, partial, terminal: the next message goes to the next read.
    template <asio::completion_token_for<void(std::error_code, Message)> Token>
    auto async_read(Token&& token) {
        return read<Message>(std::forward<Token>(token));
    }

    // The same without a copy, and without allocating anything.
    //   Signature  void(std::error_code, MessageView)
    //   Lifetimes  The view lives until the next read of any kind starts, or the session is
    //              destroyed; in a handler that was called, until that returns at the least. A
    //              handler on an executor of another context (so a future, too) must have returned
    //              before the session's context is destroyed.
    template <asio::completion_token_for<void(std::error_code, MessageView)> Token>
    auto async_read_view(Token&& token) {
        return read<MessageView>(std::forward<Token>(token));
    }

    // All messages that have come, at least one and at most 512: the fastest way, since what an
    // operation costs is paid once for all of them.
    //   Signature  void(std::error_code, std::span<const MessageView>)
    //   Lifetimes  as async_read_view; the span, too.
    template <asio::completion_token_for<void(std::error_code, std::span<const MessageView>)> Token>
    auto async_read_batch(Token&& token) {
        return read<std::span<const MessageView>>(std::forward<Token>(token));
    }

    // --- What happened ---------------------------------------------------------------------------

    // `told` is called, on the session's executor, for every connection that is lost or cannot be
    // had, and for every ERROR of a broker. It replaces the one before; empty: nobody is told.
    void on_trouble(std::function<void(const Error&)> told) { core_->on_trouble(std::move(told)); }
    // The latest of them; without text and code when there was none.
    [[nodiscard]] Error last_trouble() const { return core_->last_trouble(); }
    [[nodiscard]] SessionStats stats() const { return core_->stats(); }

private:
    using Core = detail::SessionCore;
    using Operation = Core::Operation;
    using Ticket = Core::Ticket;
    using Done = detail::Done;

    static constexpr asio::cancellation_type terminal_or_partial =
        asio::cancellation_type::terminal | asio::cancellation_type::partial;
    static constexpr asio::cancellation_type any_kind = asio::cancellation_type::all;

    static void raise(const std::error_code& error, const char* doing) {
        if (error) throw Error(std::string("cannot ") + doing + ": " + error.message(), error);
    }

    template <typename Signature, typename Start, typename Token>
    auto initiate(Operation operation, asio::cancellation_type kinds, Start start, Token&& token) {
        return asio::async_initiate<Token, Signature>(
            [core = core_, operation, kinds, start](auto handler) mutable {
                const Ticket ticket = detail::make_cancellable(core, operation, kinds, handler);
                start(*core, ticket, Done(std::move(handler), core->executor()));
            },
            token);
    }

    template <typename What, typename Token>
    auto read(Token&& token) {
        return asio::async_initiate<Token, void(std::error_code, What)>(
            [core = core_](auto handler) mutable {
                const Ticket ticket =
                    detail::make_cancellable(core, Operation::read, any_kind, handler);
                core->read(ticket, detail::Completion<What>(std::move(handler), core->executor()));
            },
            token);
    }

    std::shared_ptr<Core> core_;
};

}  // namespace hpfeeds
