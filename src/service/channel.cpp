// SPDX-License-Identifier: Apache-2.0
#include "service/channel.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace hpfeeds::service {
namespace {

// Every one, since whoever is not looked at stays open.
std::vector<net::Descriptor> descriptors_of(msghdr& header) {
    std::vector<net::Descriptor> all;
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
         each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(each) + i * sizeof descriptor, sizeof descriptor);
            all.emplace_back(descriptor);
        }
    }
    return all;
}

}  // namespace

std::pair<net::Descriptor, net::Descriptor> open_channel() noexcept {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
    const timeval patience{10, 0};
    for (const int end : ends)
        ::setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return {net::Descriptor(ends[0]), net::Descriptor(ends[1])};
}

bool send_packet(int channel, Word word, std::string_view text, int descriptor) noexcept {
    char first = static_cast<char>(word);
    text = text.substr(0, packet_bytes_max - 1);
    std::array<iovec, 2> pieces{{{&first, 1}, {const_cast<char*>(text.data()), text.size()}}};
    msghdr header{};
    header.msg_iov = pieces.data();
    header.msg_iovlen = pieces.size();
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (descriptor >= 0) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(channel, &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

Received receive_packet(int channel, Packet& out, std::chrono::milliseconds patience) {
    pollfd entry{channel, POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(patience.count())) <= 0) return Received::nothing;
    std::array<char, packet_bytes_max> bytes;
    iovec piece{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t count = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    // The other side ended before it had read all of ours: that is said once, and before its last
    // words.
    if (count < 0 && errno == ECONNRESET)
        count = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Received::nothing : Received::end;
    if (count == 0) return Received::end;
    out = {static_cast<Word>(bytes.front()),
           std::string(bytes.data() + 1, static_cast<std::size_t>(count) - 1),
           {}};
    std::vector<net::Descriptor> descriptors = descriptors_of(header);
    const bool several = descriptors.size() > 1 || (header.msg_flags & MSG_CTRUNC) != 0;
    if (several)
        out = {};
    else if (!descriptors.empty())
        out.descriptor = std::move(descriptors.front());
    return Received::packet;
}

}  // namespace hpfeeds::service
