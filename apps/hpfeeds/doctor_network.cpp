// SPDX-License-Identifier: Apache-2.0
#include "doctor_network.hpp"

#include "client/errc.hpp"
#include "client/tcp_connect.hpp"
#include "client/tls_session.hpp"
#include "wire/limits.hpp"
#include "wire/parser.hpp"

#include <poll.h>
#include <unistd.h>
#include <array>
#include <cstddef>
#include <span>

namespace hpfeeds::cli {
namespace {

using client::Clock;
using client::Errc;
using Step = client::TlsSession::Step;

constexpr std::size_t heard_bytes_max = 65'536;  // of one who says what he likes

double since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// A connected socket, or none; closed with its owner.
class Socket {
public:
    Socket(const std::string& host, std::uint16_t port, client::Deadline deadline, int stop)
        : connected_(client::tcp_connect(host, port, {}, deadline, stop)) {}
    ~Socket() {
        if (connected_.descriptor >= 0) close(connected_.descriptor);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    [[nodiscard]] int descriptor() const noexcept { return connected_.descriptor; }
    [[nodiscard]] const client::TcpConnected& connected() const noexcept { return connected_; }

private:
    client::TcpConnected connected_;
};

// Drives the handshake to its end; Errc::timed_out and Errc::interrupted are ends, too.
std::error_code drive(client::TlsSession& tls, int descriptor, client::Deadline deadline,
                      int stop) {
    for (;;) {
        const Step step = tls.handshake();
        if (step == Step::done) return {};
        if (step == Step::closed) return Errc::closed_by_broker;
        if (step == Step::failed) return tls.error();
        const short events = step == Step::wants_read ? POLLIN : POLLOUT;
        if (const auto waited = client::wait_until_ready(descriptor, events, deadline, stop))
            return waited;
    }
}

std::string words_for(std::error_code error, const client::TlsSession& tls) {
    if (error == Errc::closed_by_broker)
        return "the other side closed the connection during the handshake";
    if (error == Errc::timed_out) return "the other side did not answer the handshake in time";
    return tls.explanation().empty() ? error.message() : tls.explanation();
}

}  // namespace

Knock knock(const std::string& address, std::uint16_t port, Milliseconds patience, int stop) {
    const auto begin = Clock::now();
    const Socket socket(address, port, client::in(patience), stop);
    return {socket.connected().error, since(begin)};
}

Handshake shake_hands(const client::Destination& broker, Milliseconds patience, int stop) {
    const auto deadline = client::in(patience);
    const Socket socket(broker.host, broker.port, deadline, stop);
    Handshake result;
    if (socket.descriptor() < 0) {
        result.error = socket.connected().error;
        result.why = socket.connected().explanation;
        return result;
    }
    const auto begin = Clock::now();
    client::TlsSession tls(socket.descriptor(), broker.host, broker.trusted_file);
    result.error = drive(tls, socket.descriptor(), deadline, stop);
    result.certificate = tls.certificate();
    result.milliseconds = since(begin);
    if (result.error)
        result.why = words_for(result.error, tls);
    else
        result.description = tls.description();
    return result;
}

Greeter::Greeter(const client::Destination& broker, Milliseconds patience, int stop)
    : connection_(stop),
      failed_(connection_.open(broker, client::in(patience))),
      opened_(Clock::now()) {}

Greeting Greeter::listen(Milliseconds patience) {
    using Outcome = wire::Parsed::Outcome;
    using Kind = Greeting::Kind;
    if (failed_) return {.kind = Kind::lost, .why = connection_.explanation()};
    const auto deadline = client::in(patience);
    for (;;) {
        std::array<std::byte, 4096> room{};
        std::size_t taken = 0;
        if (const auto error = connection_.read_some(room, deadline, taken)) {
            Greeting end{.kind = Kind::lost, .heard = heard_, .why = connection_.explanation()};
            if (error == Errc::timed_out) end.kind = Kind::silence;
            if (error == Errc::closed_by_broker) end.kind = Kind::closed;
            if (!heard_.empty() && end.kind != Kind::lost) end.kind = Kind::stranger;
            return end;
        }
        heard_ += wire::as_text(std::span(room).first(taken));
        const wire::Parsed parsed = wire::parse(wire::as_bytes(heard_), wire::Peer::broker);
        if (parsed.outcome == Outcome::incomplete && heard_.size() < heard_bytes_max) continue;
        if (parsed.outcome != Outcome::frame || parsed.frame.opcode != wire::Opcode::info)
            return {.kind = Kind::stranger, .heard = heard_, .milliseconds = since(opened_)};
        return {.kind = Kind::broker,
                .name = std::string(parsed.frame.ident),
                .nonce = std::string(wire::as_text(parsed.frame.payload)),
                .milliseconds = since(opened_)};
    }
}

std::string answer_to_http(const client::Destination& broker, Milliseconds patience, int stop) {
    client::Connection connection(stop);
    const auto deadline = client::in(patience);
    if (connection.open(broker, deadline)) return {};
    std::size_t taken = 0;
    if (connection.write_some(wire::as_bytes("GET / HTTP/1.0\r\n\r\n"), deadline, taken)) return {};
    std::array<std::byte, 512> room{};
    if (connection.read_some(room, deadline, taken)) return {};
    return std::string(wire::as_text(std::span(room).first(taken)));
}

}  // namespace hpfeeds::cli
