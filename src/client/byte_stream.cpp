// SPDX-License-Identifier: Apache-2.0
#include "client/byte_stream.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <limits>

namespace hpfeeds::client {

ByteStream::ByteStream(int descriptor, const std::string& host, const std::string& trusted_file)
    : descriptor_(descriptor), tls_(std::make_unique<TlsSession>(descriptor, host, trusted_file)) {}

ByteStream::Step ByteStream::handshake() {
    return tls_ ? tls_->handshake() : Step::done;
}

ByteStream::Step ByteStream::read(std::span<std::byte> room, std::size_t& taken) {
    if (tls_) return tls_->read(room, taken);  // what OpenSSL holds cannot be seen from outside
    const Step step =
        after(recv(descriptor_, room.data(), room.size(), 0), room.size(), taken, Step::wants_read);
    return step == Step::done && taken == 0 ? Step::closed : step;
}

ByteStream::Step ByteStream::write(std::span<const std::byte> bytes, std::size_t& taken) {
    if (tls_) return tls_->write(bytes, taken);
    return after(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), bytes.size(), taken,
                 Step::wants_write);
}

ByteStream::Step ByteStream::after(long moved, std::size_t wanted, std::size_t& taken,
                                   Step try_again) {
    taken = static_cast<std::size_t>(std::max(moved, 0L));
    drained_ = taken < wanted;
    if (moved >= 0) return Step::done;
    if (errno == EAGAIN || errno == EINTR) return try_again;
    failure_ = {errno, std::generic_category()};
    return Step::failed;
}

void ByteStream::finish_writing() noexcept {
    if (tls_) static_cast<void>(tls_->close_notify());
    shutdown(descriptor_, SHUT_WR);
}

std::size_t ByteStream::unacknowledged_bytes() const noexcept {
    int bytes = 0;
    // Unknown: then as good as nothing has arrived.
    if (ioctl(descriptor_, SIOCOUTQ, &bytes) != 0) return std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(std::max(bytes, 0));
}

std::error_code ByteStream::failure() const {
    return tls_ ? tls_->error() : failure_;
}

std::string ByteStream::explanation() const {
    return tls_ ? tls_->explanation() : failure_.message();
}

}  // namespace hpfeeds::client
