// SPDX-License-Identifier: Apache-2.0
#include "net/listener.hpp"

#include "hpfeeds/error.hpp"
#include "net/limits.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace hpfeeds::net {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

AddressList resolve(const ListenAddress& where, const std::string& label) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    // All addresses: one IPv6 socket that takes IPv4 too, where the system has IPv6 at all.
    addrinfo* found = nullptr;
    const char* node = where.interface.empty() ? "::" : where.interface.c_str();
    const std::string port = std::to_string(where.port);
    const int failed = getaddrinfo(node, port.c_str(), &hints, &found);
    if (failed)
        throw Error("cannot listen on " + label + ": no such address '" + where.interface +
                    "': " + gai_strerror(failed));
    return {found, &freeaddrinfo};
}

void set_flag(int fd, int level, int option, int value = 1) noexcept {
    setsockopt(fd, level, option, &value, sizeof value);
}

std::string remedy(int error, const ListenAddress& where) {
    switch (error) {
        case EADDRINUSE:
            return "; another program uses port " + std::to_string(where.port) +
                   ": stop it or choose another port";
        case EACCES:
        case EPERM:
            return where.device.empty() ? "; ports below 1024 need the right CAP_NET_BIND_SERVICE"
                                        : "; binding to a device needs the right CAP_NET_RAW";
        case EADDRNOTAVAIL:
            return "; no interface of this machine has the address";
        case ENODEV:
            return "; there is no network device '" + where.device + "'";
        default:
            return "";
    }
}

// Accepted sockets inherit these on Linux, which saves a system call each for every connection.
void set_connection_flags(int fd) noexcept {
    set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
    set_flag(fd, SOL_SOCKET, SO_KEEPALIVE);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

// -1 when `fd` is no socket.
int option(int fd, int name) noexcept {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

Address bound_address(int fd) noexcept {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
    return bound.ss_family == AF_UNIX ? Address::local(getpid(), geteuid()) : Address(bound);
}

// The error number, or 0; `out` is bound and listening then.
int try_listen(const addrinfo& candidate, const ListenAddress& where, Descriptor& out) {
    Descriptor socket(::socket(candidate.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.open()) return errno;
    set_flag(socket.get(), SOL_SOCKET, SO_REUSEADDR);
    set_connection_flags(socket.get());
    if (candidate.ai_family == AF_INET6)
        set_flag(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, where.interface.empty() ? 0 : 1);
    if (!where.device.empty() &&
        setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, where.device.c_str(),
                   static_cast<socklen_t>(where.device.size())) != 0)
        return errno;
    if (bind(socket.get(), candidate.ai_addr, candidate.ai_addrlen) != 0) return errno;
    if (listen(socket.get(), listen_backlog) != 0) return errno;
    out = std::move(socket);
    return 0;
}

// Who is at the other end; the kernel knows it from when it connected.
Address peer_of(int fd, const sockaddr_storage& raw) noexcept {
    if (raw.ss_family != AF_UNIX) return Address(raw);
    ucred peer{};
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return Address::local(peer.pid, peer.uid);
}

}  // namespace

Listener open_listener(const ListenAddress& where, std::string label) {
    Listener listener;
    const AddressList found = resolve(where, label);
    int error = EADDRNOTAVAIL;
    for (const addrinfo* candidate = found.get(); candidate && error;
         candidate = candidate->ai_next)
        error = try_listen(*candidate, where, listener.socket);
    if (error == EAFNOSUPPORT && where.interface.empty())
        return open_listener({"0.0.0.0", where.port, where.device}, std::move(label));
    if (error)
        throw Error("cannot listen on " + label + ": " + std::strerror(error) +
                    remedy(error, where));
    listener.address = bound_address(listener.socket.get());
    listener.label = std::move(label);
    return listener;
}

Listener adopt_listener(Descriptor socket, std::span<const int> families, std::string label) {
    const int fd = socket.get();
    const auto refuse = [&](const std::string& why) {
        throw Error("cannot listen on " + label + ": the socket that was handed over " + why);
    };
    if (option(fd, SO_TYPE) != SOCK_STREAM)
        refuse("is no stream socket; write ListenStream= into the .socket unit");
    if (std::find(families.begin(), families.end(), option(fd, SO_DOMAIN)) == families.end())
        refuse(
            "is of another family than this endpoint's class; write an address and a port behind "
            "ListenStream= for tcp and tls, a path for unix");
    if (option(fd, SO_ACCEPTCONN) != 1)
        refuse("does not listen; write Accept=no into the .socket unit, and no ListenDatagram=");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (option(fd, SO_DOMAIN) != AF_UNIX) set_connection_flags(fd);
    Listener listener;
    listener.address = bound_address(fd);
    listener.socket = std::move(socket);
    listener.label = std::move(label);
    return listener;
}

Listener open_listener(const SocketPlace& where, std::string label) {
    Listener listener;
    listener.socket = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!listener.socket.open())
        throw Error("cannot listen on " + label + ": " + std::strerror(errno));
    listener.file = SocketFile(listener.socket.get(), where, label);
    listener.address = Address::local(getpid(), geteuid());
    listener.label = std::move(label);
    return listener;
}

AcceptStatus accept_one(const Listener& listener, Accepted& out) noexcept {
    for (;;) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const int fd = accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
            const bool full =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            return full ? AcceptStatus::out_of_descriptors : AcceptStatus::none;
        }
        out.socket = Descriptor(fd);
        out.peer = peer_of(fd, peer);
        out.rights = listener.rights;
        return AcceptStatus::accepted;
    }
}

}  // namespace hpfeeds::net
