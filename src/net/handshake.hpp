// SPDX-License-Identifier: Apache-2.0
// handshake.hpp: one connection on its way through the door: who speaks there, then the TLS
// handshake.
//
// OpenSSL is not bothered before the first byte is there: whoever connects and says nothing costs a
// socket and a few words of memory.
//
// Threads    the door's.    Ownership  borrows the socket.
// Errors     values: a handshake that fails has one HandshakeEnd, counted and told. The process
// must ignore SIGPIPE.
#pragma once

#include "net/first_bytes.hpp"
#include "net/tls_context.hpp"
#include "net/tls_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hpfeeds::net {

// Why a handshake came to nothing.
enum class HandshakeEnd : std::uint8_t {
    probe,          // connected and left without a word: no error (client-quirk 8)
    silent,         // connected and said nothing: an hpfeeds client without TLS, or a scanner
    plain_hpfeeds,  // an hpfeeds client without TLS that speaks first
    plain_http,     // a browser, or a scanner
    not_tls,
    deadline,              // began, and did not end in time
    peer_left,             // began, and hung up
    peer_refused,          // the client sent an alert: it does not trust our certificate, for one
    no_agreement,          // no common version, cipher or curve; or what came is broken
    no_certificate,        // `ca` asks for one
    bad_certificate,       // it does not lead to one of `ca`, or has expired
    nameless_certificate,  // ident=cn, and it does not have exactly one CN
    crowded_out,           // the door was full, and this was the oldest one in it
    shutdown,
};
inline constexpr std::size_t handshake_end_count = 14;

// A word for metric labels: "plain-hpfeeds".
[[nodiscard]] std::string_view label(HandshakeEnd end) noexcept;
// A sentence fragment for logs.
[[nodiscard]] std::string_view describe(HandshakeEnd end) noexcept;

class Handshake {
public:
    enum class Step : std::uint8_t { wants_read, wants_write, done, ended };

    explicit Handshake(std::shared_ptr<const TlsContext> context) noexcept
        : context_(std::move(context)) {}

    // Goes as far as the socket allows.
    [[nodiscard]] Step advance(int fd) noexcept;

    // After `ended`: why, and what OpenSSL says of it.
    [[nodiscard]] HandshakeEnd end() const noexcept { return end_; }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    // What it is to end it now, at the deadline.
    [[nodiscard]] HandshakeEnd end_at_deadline() const noexcept {
        return ssl_ ? HandshakeEnd::deadline : HandshakeEnd::silent;
    }

    // After `done`.
    [[nodiscard]] bool resumed() const noexcept;
    [[nodiscard]] std::string description() const;  // "TLSv1.3, TLS_AES_256_GCM_SHA384"
    [[nodiscard]] std::unique_ptr<TlsStream> take_stream(
        std::uint64_t records_per_key = records_per_key_max);

private:
    [[nodiscard]] Step hear_first_bytes(int fd) noexcept;
    [[nodiscard]] Step fail(HandshakeEnd end, std::string detail = {}) noexcept;
    [[nodiscard]] Step explain(int system_error) noexcept;
    [[nodiscard]] bool learn_name() noexcept;

    std::shared_ptr<const TlsContext> context_;
    SslRef ssl_;
    HandshakeEnd end_ = HandshakeEnd::probe;
    std::string detail_;
    std::string name_;
};

}  // namespace hpfeeds::net
