// SPDX-License-Identifier: Apache-2.0
#include "support/notify_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace hpfeeds::support {

NotifySocket::NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_.file("notify");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), path);
}

NotifySocket::~NotifySocket() {
    for (const Told& told : told_)
        if (told.descriptor >= 0) ::close(told.descriptor);
    ::close(socket_);
}

std::pair<std::string, std::string> NotifySocket::variable() const {
    return {"NOTIFY_SOCKET", directory_.file("notify")};
}

bool NotifySocket::receive(int patience_ms) {
    pollfd entry{socket_, POLLIN, 0};
    if (::poll(&entry, 1, patience_ms) <= 0) return false;
    std::array<char, 4096> text{};
    iovec piece{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket_, &header, MSG_CMSG_CLOEXEC);
    if (count < 0) return false;
    Told told{std::string(text.data(), static_cast<std::size_t>(count))};
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_type == SCM_RIGHTS)
            std::memcpy(&told.descriptor, CMSG_DATA(each), sizeof told.descriptor);
        ucred sender{};
        if (each->cmsg_type == SCM_CREDENTIALS) {
            std::memcpy(&sender, CMSG_DATA(each), sizeof sender);
            told.sender = sender.pid;
        }
    }
    told_.push_back(std::move(told));
    return true;
}

NotifySocket::Told NotifySocket::wait_for(std::string_view part, Deadline deadline) {
    for (;;) {
        while (seen_ < told_.size())
            if (const Told& told = told_[seen_++]; told.text.find(part) != std::string::npos)
                return told;
        if (receive(deadline.left_ms())) continue;
        std::string said;
        for (const Told& told : told_)
            said += told.text + "\n--\n";
        throw std::runtime_error("nobody said '" + std::string(part) + "', but:\n" + said);
    }
}

const std::vector<NotifySocket::Told>& NotifySocket::all() {
    while (receive(0)) {
    }
    return told_;
}

}  // namespace hpfeeds::support
