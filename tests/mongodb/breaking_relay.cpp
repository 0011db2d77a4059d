// SPDX-License-Identifier: Apache-2.0
#include "breaking_relay.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace hpfeeds::support {
namespace {

constexpr std::size_t first_side = 2;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int checked(int result) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), "relay");
    return result;
}

int new_socket() {
    return checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// The middle of a login; its beginning may travel in the driver's greeting.
bool is_in_a_login(std::string_view request) {
    return request.find("saslContinue") != std::string_view::npos;
}

bool send_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

BreakingRelay::BreakingRelay(std::uint16_t server, int logins) : server_(server), logins_(logins) {
    std::array<int, 2> ends{};
    checked(::pipe2(ends.data(), O_CLOEXEC));
    stop_ = ends[1];
    const int listening = new_socket();
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    checked(::bind(listening, plain, length));
    checked(::listen(listening, SOMAXCONN));
    checked(::getsockname(listening, plain, &length));
    port_ = ntohs(address.sin_port);
    sides_ = {{ends[0], POLLIN, 0}, {listening, POLLIN, 0}};
    thread_ = std::thread([this] { run(); });
}

BreakingRelay::~BreakingRelay() {
    ::close(stop_);
    thread_.join();
    for (const pollfd& side : sides_)
        ::close(side.fd);
}

void BreakingRelay::run() {
    for (;;) {
        if (::poll(sides_.data(), sides_.size(), -1) < 0) continue;
        if (sides_[0].revents != 0) return;
        // From the last pair to the first, so that one that is over can be taken out.
        for (std::size_t pair = sides_.size() - 2; pair >= first_side; pair -= 2) {
            if (pass_on(pair) && pass_on(pair + 1)) continue;
            ::close(sides_[pair].fd);
            ::close(sides_[pair + 1].fd);
            const auto at = sides_.begin() + static_cast<std::ptrdiff_t>(pair);
            sides_.erase(at, at + 2);
        }
        if (sides_[1].revents != 0) let_in();
    }
}

void BreakingRelay::let_in() {
    const int driver = ::accept4(sides_[1].fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (driver < 0) return;
    const int server = new_socket();
    const sockaddr_in address = loopback(server_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(driver);
        ::close(server);
        return;
    }
    sides_.push_back({driver, POLLIN, 0});
    sides_.push_back({server, POLLIN, 0});
}

bool BreakingRelay::pass_on(std::size_t side) {
    if (sides_[side].revents == 0) return true;
    std::array<char, 65536> bytes;
    const ssize_t count = ::recv(sides_[side].fd, bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    const std::string_view said(bytes.data(), static_cast<std::size_t>(count));
    if (is_in_a_login(said) && broken_.load() < logins_) {
        broken_.fetch_add(1);
        return false;
    }
    return send_all(sides_[side ^ 1].fd, said);
}

}  // namespace hpfeeds::support
