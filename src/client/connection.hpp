// SPDX-License-Identifier: Apache-2.0
// connection.hpp: bytes to and from one broker, over TCP or TLS, blocking until a deadline.
//
// Knows nothing of hpfeeds: what the bytes mean is ClientMachine's.
//
// Threads    one owner; another thread or a signal handler ends any wait by making `wake` readable.
// Ownership  owns its socket, borrows `wake`. open() on an open connection closes it first.
// Errors     error_codes (errc.hpp, and the system's); explanation() then says where and why in one
// line. Nothing
//            throws but for want of memory, and nothing raises SIGPIPE.
#pragma once

#include "client/deadline.hpp"
#include "client/tls_session.hpp"
#include "hpfeeds/options.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

namespace hpfeeds::client {

struct Destination {
    std::string host = "localhost";
    std::uint16_t port = 10'000;
    bool tls = false;
    std::string trusted_file;  // see TlsSession; only with tls
    KeepaliveOptions keepalive{};

    [[nodiscard]] std::string text() const;  // "localhost:10000", "[::1]:10000"
};

class Connection {
public:
    explicit Connection(int wake = -1) noexcept : wake_(wake) {}
    ~Connection() { close(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Connects, and with TLS verifies the broker; all of it before the deadline.
    [[nodiscard]] std::error_code open(const Destination& destination, Deadline deadline);

    // Waits for bytes; `taken` says how many came. The broker's end of file is
    // Errc::closed_by_broker.
    [[nodiscard]] std::error_code read_some(std::span<std::byte> room, Deadline deadline,
                                            std::size_t& taken);
    // Waits until at least one byte could be handed to the system.
    [[nodiscard]] std::error_code write_some(std::span<const std::byte> bytes, Deadline deadline,
                                             std::size_t& taken);
    // The same without waiting: `taken` may be 0, and wanted_events() then says what to poll for.
    [[nodiscard]] std::error_code try_read(std::span<std::byte> room, std::size_t& taken);
    [[nodiscard]] std::error_code try_write(std::span<const std::byte> bytes, std::size_t& taken);
    [[nodiscard]] short wanted_events() const noexcept { return wanted_events_; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    // Nothing more will be written; reading goes on. For brokers, the end of file.
    [[nodiscard]] std::error_code finish_writing(Deadline deadline);
    // What was written and has not reached the broker's system.
    [[nodiscard]] std::size_t unacknowledged_bytes() const;
    // What this connection has handed to the system so far: with TLS, its records.
    [[nodiscard]] std::uint64_t written_bytes() const noexcept;

    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
    // Of the last failure, or after open() whom we talk to.
    [[nodiscard]] const std::string& explanation() const noexcept { return explanation_; }

private:
    [[nodiscard]] std::error_code handshake(const Destination& destination, Deadline deadline);
    [[nodiscard]] std::error_code wait(short events, Deadline deadline);
    [[nodiscard]] std::error_code after(TlsSession::Step step, Deadline deadline);
    [[nodiscard]] std::error_code outcome_of(TlsSession::Step step);
    std::error_code fail(std::error_code error, std::string explanation);

    int wake_;
    int descriptor_ = -1;
    short wanted_events_ = 0;
    std::uint64_t written_bytes_ = 0;
    std::unique_ptr<TlsSession> tls_;
    std::string explanation_;
};

}  // namespace hpfeeds::client
