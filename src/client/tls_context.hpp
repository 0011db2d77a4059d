// SPDX-License-Identifier: Apache-2.0
// tls_context.hpp: what TLS sessions share: whom they trust, and how much they read at once.
//
// TLS 1.2 or newer; the broker's certificate must lead to a trusted one.
//
// Threads    constant once built; sessions of several threads may share one.
// Errors     error() and explanation() say why it cannot be used; its sessions fail with that.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <system_error>

struct ssl_ctx_st;  // OpenSSL's headers stay out of this one

namespace hpfeeds::client {

// Why OpenSSL failed just now: the newest entry of this thread's queue, which is the one nearest to
// what we asked for. Empties the queue.
[[nodiscard]] std::string openssl_reason();

class TlsContext {
public:
    // `trusted_file`: PEM certificates to trust, of authorities or of the broker itself; empty: the
    // system's. `read_ahead_bytes`: what a session asks its socket for at once; whoever gives more
    // than 0 must read until TlsSession::read() wants more, since what was read ahead the system no
    // longer tells of.
    explicit TlsContext(const std::string& trusted_file, std::size_t read_ahead_bytes = 0);

    [[nodiscard]] std::error_code error() const { return error_; }
    [[nodiscard]] const std::string& explanation() const { return explanation_; }
    // Null when there is an error.
    [[nodiscard]] ssl_ctx_st* get() const { return context_.get(); }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const;
    };
    void fail(std::error_code error, std::string explanation);

    std::unique_ptr<ssl_ctx_st, Free> context_;
    std::error_code error_;
    std::string explanation_;
};

}  // namespace hpfeeds::client
