// SPDX-License-Identifier: Apache-2.0
#include "client/tcp_connect.hpp"

#include "client/errc.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace hpfeeds::client {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

std::error_code last_error() {
    return {errno, std::generic_category()};
}

std::string name_of(const addrinfo& address, std::uint16_t port) {
    std::array<char, NI_MAXHOST> host{};
    if (getnameinfo(address.ai_addr, address.ai_addrlen, host.data(), host.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0)
        return "an address";
    return std::string(host.data()) + " port " + std::to_string(port);
}

void set(int descriptor, int level, int option, int value) {
    // A socket without one of these still works, so a kernel that refuses is not an error.
    static_cast<void>(setsockopt(descriptor, level, option, &value, sizeof value));
}

void keep_alive(int descriptor, const KeepaliveOptions& keepalive) {
    const auto idle = static_cast<int>(keepalive.idle.count());
    const auto interval = static_cast<int>(keepalive.interval.count());
    set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, keepalive.count);
    // Probes wait while data is unacknowledged; this is their limit for that case.
    set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, (idle + interval * keepalive.count) * 1000);
}

constexpr std::string_view unix_prefix = "unix:";

std::error_code connect_one(int descriptor, const sockaddr* address, socklen_t bytes,
                            Deadline deadline, int wake) {
    if (connect(descriptor, address, bytes) == 0) return {};
    if (errno != EINPROGRESS && errno != EINTR) return last_error();
    if (const auto waited = wait_until_ready(descriptor, POLLOUT, deadline, wake)) return waited;
    int failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failed, &size) != 0) return last_error();
    return {failed, std::generic_category()};
}

// What is left of the time, shared among this address and the `others` after it.
Deadline share(Deadline deadline, std::size_t others) {
    if (deadline == no_deadline) return deadline;
    const auto now = Clock::now();
    return now + (deadline - now) / static_cast<Clock::rep>(others + 1);
}

TcpConnected unix_connect(const std::string& host, Deadline deadline, int wake) {
    const std::string_view path = std::string_view(host).substr(unix_prefix.size());
    TcpConnected result;
    result.explanation = host;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        result.error = std::make_error_code(std::errc::filename_too_long);
        result.explanation +=
            ": a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes";
        return result;
    }
    path.copy(address.sun_path, path.size());
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    result.error = descriptor < 0
                       ? last_error()
                       : connect_one(descriptor, reinterpret_cast<const sockaddr*>(&address),
                                     sizeof address, deadline, wake);
    if (!result.error) {
        result.descriptor = descriptor;
        return result;
    }
    if (descriptor >= 0) close(descriptor);
    result.explanation += ": " + result.error.message();
    return result;
}

}  // namespace

bool is_unix_socket(std::string_view host) noexcept {
    return host.starts_with(unix_prefix);
}

void prepare_socket(int descriptor, const KeepaliveOptions& keepalive) {
    set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    keep_alive(descriptor, keepalive);
}

std::error_code wait_until_ready(int descriptor, short events, Deadline deadline, int wake) {
    // poll() overlooks a negative descriptor, which is what `no wake` is.
    std::array<pollfd, 2> watched{{{descriptor, events, 0}, {wake, POLLIN, 0}}};
    for (;;) {
        const int ready = poll(watched.data(), watched.size(), poll_timeout(deadline));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return last_error();
        if (ready == 0) return Errc::timed_out;
        return watched[1].revents != 0 ? Errc::interrupted : std::error_code{};
    }
}

TcpConnected tcp_connect(const std::string& host, std::uint16_t port,
                         const KeepaliveOptions& keepalive, Deadline deadline, int wake) {
    if (is_unix_socket(host)) return unix_connect(host, deadline, wake);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    TcpConnected result;
    if (const int failed =
            getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)) {
        result.error = Errc::host_not_found;
        result.explanation =
            host + ": " + (failed == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(failed));
        return result;
    }
    const Addresses addresses(found, freeaddrinfo);
    std::size_t left = 0;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
        ++left;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        --left;
        const int descriptor =
            socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
        result.error = descriptor < 0 ? last_error()
                                      : connect_one(descriptor, each->ai_addr, each->ai_addrlen,
                                                    share(deadline, left), wake);
        if (!result.error) {
            prepare_socket(descriptor, keepalive);
            result.descriptor = descriptor;
            result.explanation = name_of(*each, port);
            return result;
        }
        if (descriptor >= 0) close(descriptor);
        if (!result.explanation.empty()) result.explanation += "; ";
        result.explanation += name_of(*each, port) + ": " + result.error.message();
        if (result.error == Errc::interrupted) break;
    }
    return result;
}

}  // namespace hpfeeds::client
