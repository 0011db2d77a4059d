// SPDX-License-Identifier: Apache-2.0
// session_core.hpp: what a session asks of its engine, behind the templates of session.hpp.
//
// Not for users: nothing in here is promised from one version to the next.
#pragma once

#include "hpfeeds/detail/completion.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/message.hpp"
#include "hpfeeds/options.hpp"

#include <asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

namespace hpfeeds {

struct SessionStats;

namespace detail {

using Done = Completion<>;
using ReadDone = std::variant<std::monostate, Completion<MessageView>, Completion<Message>,
                              Completion<std::span<const MessageView>>>;

class SessionCore {
public:
    enum class Operation : std::uint8_t { run, read, publish, flush, close, connected };
    // Names one started operation, for cancel().
    using Ticket = std::uint64_t;

    static std::shared_ptr<SessionCore> make(asio::any_io_executor executor,
                                             const ClientOptions& options);
    virtual ~SessionCore() = default;
    SessionCore(const SessionCore&) = delete;
    SessionCore& operator=(const SessionCore&) = delete;

    [[nodiscard]] virtual Ticket new_ticket() noexcept = 0;
    virtual void run(Ticket ticket, Done done) = 0;
    virtual void read(Ticket ticket, ReadDone done) = 0;
    // Views must live until `done` is called.
    virtual void publish_when_room(Ticket ticket, std::string_view channel,
                                   std::span<const std::byte> payload, Done done) = 0;
    virtual void flush(Ticket ticket, Done done) = 0;
    virtual void close_gently(Ticket ticket, Done done) = 0;
    virtual void wait_connected(Ticket ticket, Done done) = 0;
    virtual void cancel(Operation operation, Ticket ticket) = 0;

    virtual std::error_code publish(std::string_view channel,
                                    std::span<const std::byte> payload) = 0;
    virtual std::error_code publish_if_room(std::string_view channel,
                                            std::span<const std::byte> payload) = 0;
    virtual std::error_code subscribe(std::string_view channel) = 0;
    virtual void unsubscribe(std::string_view channel) = 0;
    virtual void on_trouble(std::function<void(const Error&)> told) = 0;
    [[nodiscard]] virtual Error last_trouble() const = 0;
    [[nodiscard]] virtual SessionStats stats() const = 0;
    [[nodiscard]] virtual const asio::any_io_executor& executor() const noexcept = 0;
    virtual void close() noexcept = 0;

protected:
    SessionCore() = default;
};

}  // namespace detail
}  // namespace hpfeeds
