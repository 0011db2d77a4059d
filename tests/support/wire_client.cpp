// SPDX-License-Identifier: Apache-2.0
#include "support/wire_client.hpp"

#include "support/accounts.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace hpfeeds::support {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what);
}

int connect_to_file(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) fail("too long for a socket: " + path);
    path.copy(address.sun_path, path.size());
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) throw std::system_error(errno, std::generic_category(), "cannot make a socket");
    if (::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int why = errno;
        ::close(made);
        throw std::system_error(why, std::generic_category(), "cannot connect to " + path);
    }
    return made;
}

int connect_to(const Address& broker, int receive_buffer_bytes) {
    if (broker.host.find('/') != std::string::npos) return connect_to_file(broker.host);
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (::getaddrinfo(broker.host.c_str(), std::to_string(broker.port).c_str(), &hints, &list) != 0)
        fail("not an address: " + broker.host);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    const int made = ::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) throw std::system_error(errno, std::generic_category(), "cannot make a socket");
    if (receive_buffer_bytes > 0)
        ::setsockopt(made, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                     sizeof receive_buffer_bytes);
    const int one = 1;
    ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(made, list->ai_addr, list->ai_addrlen) != 0) {
        const int why = errno;
        ::close(made);
        throw std::system_error(
            why, std::generic_category(),
            "cannot connect to " + broker.host + " port " + std::to_string(broker.port));
    }
    return made;
}

// False when the deadline passed.
bool wait_for(int descriptor, short events, Deadline deadline) {
    pollfd entry{descriptor, events, 0};
    while (true) {
        const int count = ::poll(&entry, 1, deadline.left_ms());
        if (count > 0) return true;
        if (count == 0 && deadline.passed()) return false;
        if (count < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "poll");
    }
}

std::string unique_text(std::string_view what) {
    static std::atomic<unsigned> number{0};
    return std::string(what) + " " + std::to_string(++number);
}

}  // namespace

WireClient::WireClient(const Address& broker, int receive_buffer_bytes)
    : socket_(connect_to(broker, receive_buffer_bytes)) {
    if (!broker.tls && broker.preface.empty()) return;
    try {
        send(broker.preface);
        if (!broker.tls) return;
        tls_ = std::make_unique<TlsSide>(*broker.tls);
        shake_hands();
    } catch (...) {
        close();  // a destructor does not run for what was not built
        throw;
    }
}

WireClient::WireClient(const Address& broker, const Login& login, int receive_buffer_bytes)
    : WireClient(broker, receive_buffer_bytes) {
    expect_info();
    auth(login);
}

WireClient::~WireClient() {
    close();
}

WireClient::WireClient(WireClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      tls_(std::move(other.tls_)),
      records_(std::move(other.records_)),
      login_(std::move(other.login_)),
      info_(std::move(other.info_)),
      unread_(std::move(other.unread_)),
      unread_start_(other.unread_start_),
      ended_(other.ended_),
      end_reason_(std::move(other.end_reason_)) {}

std::string WireClient::local_address() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    std::array<char, 64> host{};
    std::array<char, 8> port{};
    ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(),
                  port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
    const std::string text = host.data();
    return (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" + port.data();
}

void WireClient::shake_hands() {
    const Deadline deadline;
    for (bool done = false; !done;) {
        try {
            done = tls_->shake_hands();
        } catch (const std::exception&) {
            flush_tls(deadline);  // an alert says why
            throw;
        }
        flush_tls(deadline);
        if (done) return;
        if (!fill(deadline))
            fail(ended_ ? "the connection was " + end_reason_ + " during the TLS handshake"
                        : "the TLS handshake did not end before the deadline");
    }
}

void WireClient::flush_tls(Deadline deadline) {
    records_ += tls_->take_output();
    send_raw(std::exchange(records_, {}), deadline);
}

void WireClient::send(std::string_view bytes, Deadline deadline) {
    if (!tls_) return send_raw(bytes, deadline);
    tls_->encrypt(bytes);
    flush_tls(deadline);
}

void WireClient::send_raw(std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t count =
            ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            if (!wait_for(socket_, POLLOUT, deadline))
                fail("the broker did not read " + std::to_string(bytes.size()) +
                     " bytes before the deadline");
        } else if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "cannot send to the broker");
        }
    }
}

std::size_t WireClient::send_some(std::string_view bytes) {
    if (!tls_) {
        const ssize_t count =
            ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    // A record that was begun counts as taken; nothing more is, until it is gone.
    std::size_t taken = 0;
    if (records_.empty()) {
        constexpr std::size_t record_bytes = 16384;
        taken = std::min(bytes.size(), record_bytes);
        tls_->encrypt(bytes.substr(0, taken));
        records_ = tls_->take_output();
    }
    const ssize_t count =
        ::send(socket_, records_.data(), records_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) records_.erase(0, static_cast<std::size_t>(count));
    return taken;
}

void WireClient::auth(const Login& login) {
    login_ = login;
    send(auth_frame(info_.nonce, login.ident, login.secret));
}

void WireClient::publish(std::string_view channel, std::string_view payload) {
    send(publish_frame(login_.ident, channel, payload));
}

void WireClient::subscribe(std::string_view channel) {
    send(subscribe_frame(login_.ident, channel));
}

void WireClient::unsubscribe(std::string_view channel) {
    send(unsubscribe_frame(login_.ident, channel));
}

bool WireClient::take_in(std::string_view bytes) {
    if (unread_start_ > 0) unread_.erase(0, std::exchange(unread_start_, 0));
    if (!tls_) {
        unread_.append(bytes);
    } else if (!tls_->decrypt(bytes, unread_)) {
        ended_ = true;
        end_reason_ = "broken by TLS";
        return false;
    }
    return true;
}

// Reads once; false when the deadline passed or the connection has ended.
bool WireClient::fill(Deadline deadline) {
    if (ended_ || !wait_for(socket_, POLLIN, deadline)) return false;
    std::array<char, 262144> chunk;  // NOLINT: filled by recv
    const ssize_t count = ::recv(socket_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (count > 0) return take_in({chunk.data(), static_cast<std::size_t>(count)});
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    ended_ = true;
    end_reason_ = count == 0 ? "closed" : errno == ECONNRESET ? "reset" : "broken";
    return false;
}

std::optional<Received> WireClient::cut_frame() {
    const std::string_view unread = std::string_view(unread_).substr(unread_start_);
    if (unread.size() < 5) return std::nullopt;
    std::uint32_t length = 0;
    for (std::size_t index = 0; index < 4; ++index)
        length = length << 8 | static_cast<unsigned char>(unread[index]);
    if (length < 5) fail("the broker sent a frame whose length is " + std::to_string(length));
    if (unread.size() < length) return std::nullopt;
    unread_start_ += length;
    return Received{static_cast<std::uint8_t>(unread[4]),
                    std::string(unread.substr(5, length - 5))};
}

Info WireClient::expect_info() {
    const Received received = expect_frame();
    if (received.opcode != op_info || received.body.empty())
        fail("not an INFO but " + describe(received));
    const std::size_t name_bytes = static_cast<unsigned char>(received.body[0]);
    if (received.body.size() < 1 + name_bytes) fail("a torn INFO: " + describe(received));
    info_ = {received.body.substr(1, name_bytes), received.body.substr(1 + name_bytes)};
    return info_;
}

Received WireClient::expect_frame(Deadline deadline) {
    while (true) {
        if (auto received = cut_frame()) return *received;
        if (!fill(deadline))
            fail("no frame came: " +
                 (ended_ ? "the connection was " + end_reason_ : "the deadline passed") +
                 ", unread: " + printable(std::string_view(unread_).substr(unread_start_)));
    }
}

std::optional<Received> WireClient::poll_frame(std::chrono::milliseconds wait) {
    const Deadline deadline(wait);
    while (true) {
        if (auto received = cut_frame()) return received;
        if (fill(deadline)) continue;
        if (ended_) fail("no frame came: the connection was " + end_reason_);
        return std::nullopt;
    }
}

Message WireClient::expect_message(Deadline deadline) {
    return as_message(expect_frame(deadline));
}

void WireClient::expect_message(const Message& wanted) {
    const Message came = expect_message();
    if (came == wanted) return;
    fail("expected " + wanted.ident + " on " + printable(wanted.channel) + ": " +
         printable(wanted.payload) + "\n    came " + came.ident + " on " + printable(came.channel) +
         ": " + printable(came.payload));
}

void WireClient::expect_error(std::string_view text) {
    const Received received = expect_frame();
    if (received.opcode != op_error || received.body != text)
        fail("expected ERROR: " + printable(text) + "\n    came " + describe(received));
}

void WireClient::expect_closed(Deadline deadline) {
    while (fill(deadline)) {
        if (auto received = cut_frame())
            fail("expected the end of the connection, came " + describe(*received));
    }
    if (!ended_) fail("the broker did not close the connection before the deadline");
    if (unread_.size() > unread_start_)
        fail("the connection ended inside a frame: " +
             printable(std::string_view(unread_).substr(unread_start_)));
}

WireClient::Rest WireClient::read_to_end(Deadline deadline) {
    Rest rest;
    do {
        while (auto received = cut_frame())
            rest.frames.push_back(std::move(*received));
    } while (fill(deadline));
    if (!ended_) fail("the broker did not close the connection before the deadline");
    rest.torn = unread_.substr(unread_start_);
    return rest;
}

std::string WireClient::read_raw_to_end(Deadline deadline) {
    while (fill(deadline)) {
    }
    if (!ended_) fail("the broker did not close the connection before the deadline");
    return unread_.substr(std::exchange(unread_start_, unread_.size()));
}

void WireClient::settle() {
    const std::string channel = private_channel();
    const std::string marker = unique_text("settled");
    subscribe(channel);
    publish(channel, marker);
    expect_message({login_.ident, channel, marker});
    unsubscribe(channel);
}

void WireClient::half_close() {
    if (tls_) {
        tls_->say_goodbye();
        flush_tls();
    }
    ::shutdown(socket_, SHUT_WR);
}

void WireClient::close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void WireClient::reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

void wait_until_subscribed(WireClient& publisher, WireClient& subscriber,
                           std::string_view channel) {
    const std::string probe = unique_text("probe");
    const Deadline deadline;
    while (true) {
        publisher.publish(channel, probe);
        if (subscriber.poll_frame(std::chrono::milliseconds(20))) break;
        if (deadline.passed())
            fail("no message on " + printable(channel) + " ever reached the subscriber");
    }
    const std::string last = unique_text("probed");
    publisher.publish(channel, last);
    for (Message message; message.payload != last;) {
        message = subscriber.expect_message();
        if (message.payload != last && message.payload != probe)
            fail("an unexpected message: " + printable(message.payload));
    }
}

}  // namespace hpfeeds::support
