// SPDX-License-Identifier: Apache-2.0
// tls_session.hpp: TLS on a connected, non-blocking socket, as steps that never wait.
//
// TLS 1.2 or newer; the broker's certificate must lead to a trusted one and carry the name (or the
// IP address) that was asked for. There is no switch that turns this off: a broker with a
// certificate of its own making is trusted by naming that certificate.
//
// Threads    one owner.
// Ownership  borrows the descriptor, which must outlive it.
// Errors     a step that fails returns Step::failed; error() and explanation() say why. Nothing
// raises SIGPIPE.
#pragma once

#include "client/certificate_facts.hpp"
#include "client/tls_context.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace hpfeeds::client {

class TlsSession {
public:
    enum class Step { done, wants_read, wants_write, closed, failed };

    // `trusted_file`: PEM certificates to trust, of authorities or of the broker itself; empty: the
    // system's.
    TlsSession(int descriptor, const std::string& host, const std::string& trusted_file);
    // For many sessions with one broker.
    TlsSession(int descriptor, const std::string& host, std::shared_ptr<const TlsContext> context);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    [[nodiscard]] Step handshake();
    [[nodiscard]] Step read(std::span<std::byte> room, std::size_t& taken);
    [[nodiscard]] Step write(std::span<const std::byte> bytes, std::size_t& taken);
    // Bytes of records that the system took.
    [[nodiscard]] std::uint64_t written_bytes() const noexcept;
    // Says that nothing more will be written; reading goes on.
    [[nodiscard]] Step close_notify();

    [[nodiscard]] std::error_code error() const { return error_; }
    [[nodiscard]] const std::string& explanation() const { return explanation_; }
    // "TLSv1.3, TLS_AES_256_GCM_SHA384"; for --debug.
    [[nodiscard]] std::string description() const;
    // What the broker has shown, trusted or not; nothing before it has.
    [[nodiscard]] std::optional<CertificateFacts> certificate() const;

private:
    struct State;  // keeps OpenSSL's headers out of this one
    bool prepare(int descriptor, const std::string& host);
    Step step_after(int result);
    Step fail(std::error_code error, std::string explanation);

    std::unique_ptr<State> state_;
    std::error_code error_;
    std::string explanation_;
};

}  // namespace hpfeeds::client
