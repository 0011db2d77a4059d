// SPDX-License-Identifier: Apache-2.0
// tls_context.hpp: what a TLS endpoint shows and asks for: one immutable state of its files.
//
// A roll-over makes another one. Handshakes begun before go on with the old one, and so do live
// connections, which hold what they need of it.
//
// TLS 1.2 and 1.3 with forward secrecy and authenticated encryption alone (what Mozilla calls
// "intermediate"); neither renegotiation, nor compression, nor early data.
//
// Threads    immutable but for its ticket keys, which belong to the thread that does handshakes.
// Errors     load() throws hpfeeds::Error: field, file, what is wrong, what to do.
#pragma once

#include "net/pem_files.hpp"
#include "net/ticket_keys.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace hpfeeds::net {

class TlsContext {
public:
    using Time = std::chrono::system_clock::time_point;

    // Refuses what cannot serve: no key, no certificate, a pair that does not match, and the like.
    // Dates are the caller's to judge. A client may resume a session of `ancestor`, the state
    // before this one, if both stand for the same names and trust the same authorities.
    [[nodiscard]] static std::shared_ptr<const TlsContext> load(
        const PemFiles& files, const TlsContext* ancestor = nullptr);

    [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }
    [[nodiscard]] bool ident_is_cn() const noexcept { return ident_is_cn_; }
    [[nodiscard]] bool asks_for_certificate() const noexcept { return asks_for_certificate_; }

    [[nodiscard]] Time valid_from() const noexcept { return valid_from_; }
    [[nodiscard]] Time valid_until() const noexcept { return valid_until_; }
    // Empty while the certificate is valid; otherwise a line: "cert 'b.crt': expired on …; renew
    // it".
    [[nodiscard]] std::string date_fault(Time now) const;
    // The certificate's subject, for the log: "CN=broker.example".
    [[nodiscard]] const std::string& subject() const noexcept { return subject_; }
    // What an operator should hear of although it works; empty: nothing.
    [[nodiscard]] const std::string& concern() const noexcept { return concern_; }

private:
    TlsContext() = default;
    void use_certificate(const PemFiles& files);
    void ask_for_certificates(const PemFile& ca);
    void describe(X509* certificate);

    SslContextRef context_;
    std::shared_ptr<TicketKeys> ticket_keys_;
    std::string identity_;  // names and authorities, as bytes
    std::string cert_title_;
    std::string subject_;
    std::string concern_;
    Time valid_from_{};
    Time valid_until_{};
    bool asks_for_certificate_ = false;
    bool ident_is_cn_ = false;
};

// "2026-11-24", in UTC.
[[nodiscard]] std::string date_text(TlsContext::Time time);

}  // namespace hpfeeds::net
