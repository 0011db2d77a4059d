// SPDX-License-Identifier: Apache-2.0
// socket_file.hpp: the file by which a listening Unix socket is found.
//
// A broker that died leaves its file behind, and nobody listens there any more: it is replaced. A
// file that somebody listens at, or that is no socket, is left alone, and is an error.
//
// Threads    one at a time.
// Ownership  removes the file at its end, unless another one has taken its place meanwhile, or it
// was left.
// Errors     the constructor throws hpfeeds::Error: what, which file, the remedy.
#pragma once

#include <sys/types.h>
#include <string>

namespace hpfeeds::net {

// Where a Unix socket listens.
struct SocketPlace {
    std::string path;
    mode_t mode = 0660;  // connecting needs the right to write
};

class SocketFile {
public:
    SocketFile() noexcept = default;
    // Binds the socket `fd` to the place, and listens. The mode holds from the first moment.
    SocketFile(int fd, const SocketPlace& place, const std::string& label);
    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&& other) noexcept;
    ~SocketFile() { remove(); }

    // The file of a socket that was handed over with its place; from here on it goes with this one.
    [[nodiscard]] static SocketFile adopt(const SocketPlace& place);

    // The file stays: a successor listens there with the same socket.
    void leave() noexcept { path_.clear(); }

private:
    void remove() noexcept;

    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace hpfeeds::net
