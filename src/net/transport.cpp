// SPDX-License-Identifier: Apache-2.0
#include "net/transport.hpp"

#include "bytes/limits.hpp"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <algorithm>
#include <array>
#include <cerrno>

namespace hpfeeds::net {
namespace {

Transfer failed() noexcept {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return {Transfer::Status::later, 0};
    return {Transfer::Status::broken, 0};
}

}  // namespace

Transfer receive(int fd, std::span<std::byte> room) noexcept {
    const ssize_t count = recv(fd, room.data(), room.size(), 0);
    if (count > 0) return {Transfer::Status::done, static_cast<std::size_t>(count)};
    if (count == 0) return {Transfer::Status::closed, 0};
    return failed();
}

Transfer send(int fd, std::span<const std::span<const std::byte>> pieces) noexcept {
    ssize_t count = 0;
    std::size_t asked = 0;
    if (pieces.size() == 1) {
        asked = pieces[0].size();
        count = ::send(fd, pieces[0].data(), asked, MSG_NOSIGNAL);
    } else {
        std::array<iovec, bytes::gather_pieces_max> vectors;
        const std::size_t used = std::min(pieces.size(), vectors.size());
        for (std::size_t i = 0; i < used; ++i) {
            vectors[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
            asked += pieces[i].size();
        }
        msghdr message{};
        message.msg_iov = vectors.data();
        message.msg_iovlen = used;
        count = sendmsg(fd, &message, MSG_NOSIGNAL);
    }
    if (count < 0) return failed();
    const auto taken = static_cast<std::size_t>(count);
    return {taken < asked ? Transfer::Status::later : Transfer::Status::done, taken};
}

std::optional<Transfer> send_pages(int fd, int file, std::int64_t offset,
                                   std::size_t count) noexcept {
    off_t from = offset;
    const ssize_t sent = sendfile(fd, file, &from, count);
    if (sent < 0) {
        const Transfer transfer = failed();
        return transfer.status == Transfer::Status::later ? std::optional(transfer) : std::nullopt;
    }
    const auto taken = static_cast<std::size_t>(sent);
    return Transfer{taken < count ? Transfer::Status::later : Transfer::Status::done, taken};
}

void shut_sending(int fd) noexcept {
    shutdown(fd, SHUT_WR);
}

}  // namespace hpfeeds::net
