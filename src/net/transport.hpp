// SPDX-License-Identifier: Apache-2.0
// transport.hpp: bytes in and out of one connected socket, without ever waiting.
//
// Plain TCP; net/tls_stream.hpp speaks TLS in the same terms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hpfeeds::net {

struct Transfer {
    enum class Status : std::uint8_t {
        done,    // `bytes` were moved
        later,   // the socket has none, or takes no more than `bytes`, for now
        closed,  // the peer has said goodbye (receive only)
        broken,  // the connection is gone
    };
    Status status = Status::done;
    std::size_t bytes = 0;
};

[[nodiscard]] Transfer receive(int fd, std::span<std::byte> room) noexcept;
// At most bytes::gather_pieces_max pieces.
[[nodiscard]] Transfer send(int fd, std::span<const std::span<const std::byte>> pieces) noexcept;
// So many bytes of a file, without copying them: the socket takes the pages as they are, and nobody
// may write to them again. Nothing when that fails, for whatever reason: send() will do it, or say
// why not. Requires: SIGPIPE is blocked or ignored.
[[nodiscard]] std::optional<Transfer> send_pages(int fd, int file, std::int64_t offset,
                                                 std::size_t count) noexcept;
// Says goodbye: nothing more will be sent.
void shut_sending(int fd) noexcept;

}  // namespace hpfeeds::net
