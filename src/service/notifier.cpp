// SPDX-License-Identifier: Apache-2.0
#include "service/notifier.hpp"

#include "log/log.hpp"
#include "service/environment.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace hpfeeds::service {
namespace {

constexpr std::size_t name_bytes_max = 255;  // FDNAME_MAX of systemd

std::string status_line(std::string_view status) {
    std::string line = "STATUS=";
    for (const char character : status)
        line += character == '\n' ? ' ' : character;
    return line;
}

std::uint64_t monotonic_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

Notifier::Notifier(std::string address) : address_(std::move(address)) {
    const bool named = address_.size() > 1 && (address_.front() == '/' || address_.front() == '@');
    if (!named || address_.size() >= sizeof(sockaddr_un::sun_path))
        refuse_variable("NOTIFY_SOCKET", address_,
                        "neither a path nor an @name of less than 108 bytes; leave the variable to "
                        "the service manager, or unset it");
    socket_ = net::Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Notifier Notifier::from_environment() {
    const char* address = std::getenv("NOTIFY_SOCKET");
    return address == nullptr || *address == '\0' ? Notifier() : Notifier(address);
}

void Notifier::ready(std::string_view status) {
    tell("READY=1\n" + status_line(status));
}

void Notifier::reloading() {
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()));
}

void Notifier::stopping(std::string_view status) {
    tell("STOPPING=1\n" + status_line(status));
}

void Notifier::status(std::string_view status) {
    tell(status_line(status));
}

void Notifier::alive() {
    tell("WATCHDOG=1");
}

void Notifier::main_process(pid_t pid) {
    tell("MAINPID=" + std::to_string(pid));
}

void Notifier::keep(std::string_view name, int fd) {
    if (name.size() <= name_bytes_max) tell("FDSTORE=1\nFDNAME=" + std::string(name), fd);
}

void Notifier::forget(std::string_view name) {
    if (name.size() <= name_bytes_max) tell("FDSTOREREMOVE=1\nFDNAME=" + std::string(name));
}

void Notifier::tell(std::string_view message, int fd) {
    if (!anybody()) return;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    if (address_.front() == '@') to.sun_path[0] = '\0';

    iovec piece{const_cast<char*>(message.data()), message.size()};
    msghdr header{};
    header.msg_name = &to;
    header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (fd >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0 || complained_) return;
    complained_ = true;
    log::warning("cannot tell the service manager",
                 {{"socket", address_}, {"reason", std::strerror(errno)}});
}

}  // namespace hpfeeds::service
