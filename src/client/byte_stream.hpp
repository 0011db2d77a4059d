// SPDX-License-Identifier: Apache-2.0
// byte_stream.hpp: a connected socket, plain or with TLS, in steps that never wait.
//
// The engine waits, with Asio, until the socket is ready, and takes a step; so both clients share
// one TLS with one set of rules (tls_session.hpp), and an idle session owns no buffers.
//
// Threads    one owner.
// Ownership  borrows the descriptor, which must be non-blocking and outlive it.
// Errors     a step that fails says so, and failure() and explanation() say why.
#pragma once

#include "client/tls_session.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace hpfeeds::client {

class ByteStream {
public:
    using Step = TlsSession::Step;

    explicit ByteStream(int descriptor) noexcept : descriptor_(descriptor) {}
    // With TLS: see TlsSession for `host` and `trusted_file`.
    ByteStream(int descriptor, const std::string& host, const std::string& trusted_file);

    // Until done; without TLS it is at once.
    [[nodiscard]] Step handshake();
    [[nodiscard]] Step read(std::span<std::byte> room, std::size_t& taken);
    [[nodiscard]] Step write(std::span<const std::byte> bytes, std::size_t& taken);
    // Nothing more will be written; reading goes on.
    void finish_writing() noexcept;
    // What was written and has not reached the broker's system; of TLS, as it is on the wire.
    [[nodiscard]] std::size_t unacknowledged_bytes() const noexcept;
    // The last read took all there was, as far as one can know without trying.
    [[nodiscard]] bool drained() const noexcept { return drained_; }

    [[nodiscard]] std::error_code failure() const;
    [[nodiscard]] std::string explanation() const;

private:
    Step after(long moved, std::size_t wanted, std::size_t& taken, Step try_again);

    int descriptor_;
    std::unique_ptr<TlsSession> tls_;
    std::error_code failure_;
    bool drained_ = false;
};

}  // namespace hpfeeds::client
