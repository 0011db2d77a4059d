// SPDX-License-Identifier: Apache-2.0
// session_engine.hpp: what a SessionMachine asks for, carried out with Asio.
//
//     user ─> publish ──────────┐                        ┌─> completions, by post
//                               v                        │
//     Asio ─> ready, due ─> [ lock ] ─> SessionMachine ──┴─> connect, recv, send, wait, close
//
// It waits until a socket is ready and takes a step (byte_stream.hpp), so that a session at rest is
// this object, one wait for reading, and sometimes one timer. Whoever reads pulls: the next frame
// is looked at when somebody asks for it, and the socket when there is no frame left.
//
// Threads    any. One lock per session, held for moments and never while user code runs; a step
//            takes at most turn_steps_max system calls of the socket under it.
// Ownership  kept alive by its Session and by every wait that is under way. Bytes that a view
//            refers to stay where they are until the next read starts, or to the end.
// Errors     those of session.hpp. Nothing throws out of a handler but for want of memory.
#pragma once

#include "client/byte_stream.hpp"
#include "client/receive_buffers.hpp"
#include "client/session_machine.hpp"
#include "hpfeeds/detail/session_core.hpp"
#include "hpfeeds/session.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hpfeeds::client {

class SessionEngine final : public detail::SessionCore,
                            public Abandoned,
                            public std::enable_shared_from_this<SessionEngine> {
public:
    SessionEngine(asio::any_io_executor executor, const ClientOptions& options);
    ~SessionEngine() override;
    // Once it is shared; the context then knows it.
    void enter() { buffers_.enter(this); }

    Ticket new_ticket() noexcept override;
    void run(Ticket ticket, detail::Done done) override;
    void read(Ticket ticket, detail::ReadDone done) override;
    void publish_when_room(Ticket ticket, std::string_view channel,
                           std::span<const std::byte> payload, detail::Done done) override;
    void flush(Ticket ticket, detail::Done done) override;
    void close_gently(Ticket ticket, detail::Done done) override;
    void wait_connected(Ticket ticket, detail::Done done) override;
    void cancel(Operation operation, Ticket ticket) override;

    std::error_code publish(std::string_view channel, std::span<const std::byte> payload) override;
    std::error_code publish_if_room(std::string_view channel,
                                    std::span<const std::byte> payload) override;
    std::error_code subscribe(std::string_view channel) override;
    void unsubscribe(std::string_view channel) override;
    void on_trouble(std::function<void(const Error&)> told) override;
    [[nodiscard]] Error last_trouble() const override;
    [[nodiscard]] SessionStats stats() const override;
    [[nodiscard]] const asio::any_io_executor& executor() const noexcept override {
        return executor_;
    }
    void close() noexcept override;
    void abandon() noexcept override;

private:
    using Tcp = asio::ip::tcp;
    using Failure = SessionMachine::Failure;
    using Step = ByteStream::Step;
    template <typename... Results>
    using Completion = detail::Completion<Results...>;
    using Batch = Completion<std::span<const MessageView>>;
    struct Waiting {
        Ticket ticket = 0;
        detail::Done done;
    };
    struct Publishing {
        Ticket ticket = 0;
        std::string_view channel;
        std::span<const std::byte> payload;
        detail::Done done;
    };
    // A connection in the making.
    struct Attempt {
        std::optional<Tcp::resolver> resolver;
        std::vector<Tcp::endpoint> addresses;
        std::size_t next = 0;
        Clock::time_point by = Clock::time_point::max();  // of this address
        std::error_code error;                            // of the last address
        std::string failures;                             // of all of them
    };
    enum class Inbox : std::uint8_t {
        exhausted,  // the machine has no frame: the socket is to be read
        waiting,    // a message that nobody has asked for
        lent,       // what was handed out last is still in use
    };

    // All below: with the lock.
    void go_on();
    void arm_timer();
    void timer_fired();
    void connect();
    void try_addresses();
    void tried(const asio::error_code& error);
    void note_failure(const Tcp::endpoint& address, std::error_code error);
    void shake_hands();
    [[nodiscard]] bool connected() const noexcept { return stream_ && shaken_; }
    void lost(const Failure& why);
    void hang_up();
    void tell(const Failure& why);
    void trace(std::string_view line) const;
    void end(std::error_code why);
    void end_operations(std::error_code why);
    void close_now(std::error_code for_operations);
    void finish_closing(std::error_code why);
    void disconnect();

    void wait_to_read();
    void wait_to_write();
    void read_socket();
    void serve_reader();
    void look_at_next();
    void notice_online();
    void message_views_of_unread();
    void hand_over();
    [[nodiscard]] std::span<const MessageView> gather(std::optional<Failure>& behind);
    void end_loan();
    [[nodiscard]] std::optional<Failure> save_unread();
    void refuse(detail::ReadDone& done, std::error_code error);
    void refuse_read(std::error_code error);

    std::error_code publish_into_room(std::string_view channel, std::span<const std::byte> payload);
    void something_to_write();
    void schedule_write();
    // A chunk that is still being filled waits for the end of the turn: small writes cost the most.
    enum class Amount : std::uint8_t { everything, whole_chunks };
    void write_socket(Amount amount = Amount::everything);
    void write_failed();
    void admit_publishers();
    void check_flushed();
    void finish_sending();
    [[nodiscard]] bool all_arrived() const;
    [[nodiscard]] std::error_code closed_with() const noexcept;

    template <typename... Results>
    void complete(detail::Completion<Results...>& done, std::error_code error,
                  std::type_identity_t<Results>... results) {
        if (!done) return;
        // Only views need the engine that they look into. A handler of another context (a future's)
        // may outlive ours, which the engine must not.
        constexpr bool views = ((std::is_same_v<Results, MessageView> ||
                                 std::is_same_v<Results, std::span<const MessageView>>) ||
                                ...);
        done(views ? shared_from_this() : nullptr, error, std::move(results)...);
    }
    void complete_all(std::vector<Waiting>& waiting, std::error_code error);
    // A handler of this connection, or of this turn of the timer: does nothing when it is stale.
    template <typename Function>
    auto while_connected(Function function) {
        return [self = shared_from_this(), connection = connection_,
                function](const auto&... results) mutable {
            const std::lock_guard lock(self->mutex_);
            if (connection == self->connection_) function(results...);
        };
    }

    const asio::any_io_executor executor_;
    const ClientOptions options_;
    ReceiveBuffers& buffers_;

    mutable std::mutex mutex_;
    SessionMachine machine_;
    Ticket tickets_ = 0;
    bool closed_ = false;
    bool closing_ = false;        // gently
    bool finished_ = false;       // our sending half is ended
    std::error_code ended_with_;  // of a session that does not reconnect

    Tcp::socket socket_;
    std::unique_ptr<Attempt> attempt_;
    std::optional<ByteStream> stream_;
    bool shaken_ = false;           // TLS is done, or there is none
    std::uint32_t connection_ = 0;  // counts; waits of earlier ones are stale
    bool reading_ = false;          // a wait is under way
    bool writing_ = false;          // a wait is under way
    bool write_scheduled_ = false;
    Clock::time_point turn_at_{};  // of the latest publish that was not a quick one
    bool was_online_ = false;

    asio::steady_timer timer_;
    Clock::time_point timer_due_ = Clock::time_point::max();
    std::uint32_t timer_turn_ = 0;
    Clock::time_point close_by_ = Clock::time_point::max();
    Clock::time_point ask_again_ = Clock::time_point::max();  // whether all has arrived

    std::unique_ptr<ReceiveBuffer> buffer_;  // what the machine reads
    std::unique_ptr<ReceiveBuffer> kept_;    // of a connection that was lost under a loan
    std::vector<std::byte> kept_torn_;
    std::list<Message> unread_;  // of a connection that was lost under unread messages
    bool unread_lent_ = false;   // its first is
    MessageView unread_view_;    // of a batch of it
    Inbox inbox_ = Inbox::exhausted;
    MessageView message_;  // of waiting
    bool socket_may_have_more_ = false;

    Ticket run_ticket_ = 0;
    bool running_ = false;
    detail::Done run_;
    Ticket read_ticket_ = 0;
    detail::ReadDone read_;
    Waiting close_;
    std::vector<Waiting> flushing_;
    std::vector<Waiting> connecting_;
    std::list<Publishing> publishing_;

    std::function<void(const Error&)> told_;
    Failure last_trouble_;
};

}  // namespace hpfeeds::client
