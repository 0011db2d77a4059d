// SPDX-License-Identifier: Apache-2.0
#include "client/connection.hpp"

#include "client/errc.hpp"
#include "client/tcp_connect.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <utility>

namespace hpfeeds::client {
namespace {

bool would_block(ssize_t moved) {
    return moved < 0 && (errno == EAGAIN || errno == EINTR);
}

}  // namespace

std::string Destination::text() const {
    if (is_unix_socket(host)) return host;
    const bool colons = host.find(':') != std::string::npos;
    return (colons ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::error_code Connection::open(const Destination& destination, Deadline deadline) {
    close();
    written_bytes_ = 0;
    TcpConnected connected =
        tcp_connect(destination.host, destination.port, destination.keepalive, deadline, wake_);
    explanation_ = std::move(connected.explanation);
    if (connected.error) return connected.error;
    descriptor_ = connected.descriptor;
    if (!destination.tls) return {};
    const std::error_code failed = handshake(destination, deadline);
    if (failed) close();
    return failed;
}

std::error_code Connection::handshake(const Destination& destination, Deadline deadline) {
    tls_ = std::make_unique<TlsSession>(descriptor_, destination.host, destination.trusted_file);
    for (;;) {
        const TlsSession::Step step = tls_->handshake();
        if (step == TlsSession::Step::done) break;
        if (step == TlsSession::Step::closed)
            return fail(Errc::closed_by_broker,
                        "the broker closed the connection during the TLS handshake");
        if (const std::error_code error = after(step, deadline)) {
            if (error == Errc::timed_out) explanation_ = "the TLS handshake took too long";
            return error;
        }
    }
    explanation_ += ", " + tls_->description();
    return {};
}

std::error_code Connection::read_some(std::span<std::byte> room, Deadline deadline,
                                      std::size_t& taken) {
    for (;;) {
        if (const std::error_code error = try_read(room, taken)) return error;
        if (taken > 0) return {};
        if (const std::error_code error = wait(wanted_events_, deadline)) return error;
    }
}

std::error_code Connection::write_some(std::span<const std::byte> bytes, Deadline deadline,
                                       std::size_t& taken) {
    for (;;) {
        if (const std::error_code error = try_write(bytes, taken)) return error;
        if (taken > 0 || bytes.empty()) return {};
        if (const std::error_code error = wait(wanted_events_, deadline)) return error;
    }
}

std::error_code Connection::try_read(std::span<std::byte> room, std::size_t& taken) {
    taken = 0;
    if (!is_open()) return fail(Errc::closed_by_broker, "not connected");
    if (tls_) return outcome_of(tls_->read(room, taken));
    const ssize_t moved = recv(descriptor_, room.data(), room.size(), 0);
    if (moved == 0) return fail(Errc::closed_by_broker, "the broker closed the connection");
    if (moved < 0 && !would_block(moved)) return fail({errno, std::generic_category()}, {});
    taken = static_cast<std::size_t>(std::max<ssize_t>(moved, 0));
    wanted_events_ = POLLIN;
    return {};
}

std::error_code Connection::try_write(std::span<const std::byte> bytes, std::size_t& taken) {
    taken = 0;
    if (!is_open()) return fail(Errc::closed_by_broker, "not connected");
    if (bytes.empty()) return {};
    if (tls_) return outcome_of(tls_->write(bytes, taken));
    const ssize_t moved = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (moved < 0 && !would_block(moved)) return fail({errno, std::generic_category()}, {});
    taken = static_cast<std::size_t>(std::max<ssize_t>(moved, 0));
    written_bytes_ += taken;
    wanted_events_ = POLLOUT;
    return {};
}

std::error_code Connection::finish_writing(Deadline deadline) {
    if (!is_open()) return fail(Errc::closed_by_broker, "not connected");
    while (tls_) {
        const TlsSession::Step step = tls_->close_notify();
        if (step == TlsSession::Step::done) break;
        if (const std::error_code error = after(step, deadline)) return error;
    }
    if (::shutdown(descriptor_, SHUT_WR) != 0) return fail({errno, std::generic_category()}, {});
    return {};
}

std::size_t Connection::unacknowledged_bytes() const {
    int bytes = 0;
    if (!is_open() || ioctl(descriptor_, SIOCOUTQ, &bytes) != 0) return 0;
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

std::uint64_t Connection::written_bytes() const noexcept {
    return tls_ ? tls_->written_bytes() : written_bytes_;
}

void Connection::close() noexcept {
    tls_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

std::error_code Connection::wait(short events, Deadline deadline) {
    const std::error_code error = wait_until_ready(descriptor_, events, deadline, wake_);
    return error ? fail(error, {}) : error;
}

// Waits for what an unfinished TLS step needs, or says why there is no next one.
std::error_code Connection::after(TlsSession::Step step, Deadline deadline) {
    const std::error_code error = outcome_of(step);
    return error ? error : wait(wanted_events_, deadline);
}

std::error_code Connection::outcome_of(TlsSession::Step step) {
    switch (step) {
        case TlsSession::Step::done:
            return {};
        case TlsSession::Step::wants_read:
            wanted_events_ = POLLIN;
            return {};
        case TlsSession::Step::wants_write:
            wanted_events_ = POLLOUT;
            return {};
        case TlsSession::Step::closed:
            return fail(Errc::closed_by_broker, "the broker closed the connection");
        case TlsSession::Step::failed:
            break;
    }
    return fail(tls_->error(), tls_->explanation());
}

std::error_code Connection::fail(std::error_code error, std::string explanation) {
    explanation_ = explanation.empty() ? error.message() : std::move(explanation);
    return error;
}

}  // namespace hpfeeds::client
