// SPDX-License-Identifier: Apache-2.0
#include "net/handshake.hpp"

#include "net/limits.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace hpfeeds::net {
namespace {

struct Text {
    std::string_view label;
    std::string_view description;
};

constexpr std::array<Text, handshake_end_count> texts{{
    {"probe", "the peer connected and left without a word"},
    {"silent",
     "no TLS handshake began within the login deadline; an hpfeeds client without TLS waits here "
     "for a greeting that never comes, a scanner says nothing either"},
    {"plain-hpfeeds", "an hpfeeds client without TLS came to a TLS endpoint; turn its TLS on"},
    {"plain-http", "HTTP without TLS came to a TLS endpoint: a browser or a scanner"},
    {"not-tls", "what came is not TLS"},
    {"deadline", "the handshake was not finished within the login deadline"},
    {"peer-left", "the peer hung up during the handshake"},
    {"peer-refused", "the client refused the handshake; does it trust the broker's certificate?"},
    {"no-agreement", "the two sides could not agree on TLS"},
    {"no-certificate", "the client showed no certificate, and the endpoint asks for one (ca)"},
    {"bad-certificate", "the client's certificate is not accepted"},
    {"nameless-certificate", "the client's certificate must have exactly one CN (ident=cn)"},
    {"crowded-out", "too many handshakes were under way, and this was the oldest"},
    {"shutdown", "the broker is stopping"},
}};

// OpenSSL numbers the alerts that a peer sent from here on.
constexpr int alert_reasons_begin = SSL_AD_REASON_OFFSET;

constexpr int ident_bytes_max = 255;

std::optional<std::string> only_common_name(X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return std::nullopt;
    unsigned char* text = nullptr;
    const int count =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    std::optional<std::string> name;
    if (count > 0 && count <= ident_bytes_max)
        name.emplace(reinterpret_cast<const char*>(text), static_cast<std::size_t>(count));
    OPENSSL_free(text);
    return name;
}

HandshakeEnd end_of(Tongue tongue) noexcept {
    switch (tongue) {
        case Tongue::hpfeeds:
            return HandshakeEnd::plain_hpfeeds;
        case Tongue::http:
            return HandshakeEnd::plain_http;
        default:
            return HandshakeEnd::not_tls;
    }
}

}  // namespace

std::string_view label(HandshakeEnd end) noexcept {
    return texts[static_cast<std::size_t>(end)].label;
}
std::string_view describe(HandshakeEnd end) noexcept {
    return texts[static_cast<std::size_t>(end)].description;
}

Handshake::Step Handshake::fail(HandshakeEnd end, std::string detail) noexcept {
    end_ = end;
    detail_ = std::move(detail);
    return Step::ended;
}

Handshake::Step Handshake::hear_first_bytes(int fd) noexcept {
    std::array<std::byte, first_bytes_max> first;
    const ssize_t count = recv(fd, first.data(), first.size(), MSG_PEEK);
    if (count == 0) return fail(HandshakeEnd::probe);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
                   ? Step::wants_read
                   : fail(HandshakeEnd::probe);
    const Tongue tongue = tongue_of(std::span(first).first(static_cast<std::size_t>(count)));
    if (tongue != Tongue::tls) return fail(end_of(tongue));
    ssl_.reset(SSL_new(context_->get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd) != 1)
        return fail(HandshakeEnd::no_agreement, take_openssl_reason());
    SSL_set_accept_state(ssl_.get());
    return Step::done;
}

Handshake::Step Handshake::advance(int fd) noexcept {
    ERR_clear_error();
    if (!ssl_)
        if (const Step step = hear_first_bytes(fd); step != Step::done) return step;
    errno = 0;
    const int result = SSL_do_handshake(ssl_.get());
    const int system_error = errno;
    if (result == 1) return learn_name() ? Step::done : fail(HandshakeEnd::nameless_certificate);
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return Step::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return Step::wants_write;
        default:
            return explain(system_error);
    }
}

Handshake::Step Handshake::explain(int system_error) noexcept {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    std::string text = take_openssl_reason();
    if (reason == 0)
        return fail(HandshakeEnd::peer_left, system_error ? std::strerror(system_error) : "");
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return fail(HandshakeEnd::peer_left);
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return fail(HandshakeEnd::no_certificate);
    if (const long verdict = SSL_get_verify_result(ssl_.get());
        reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
        return fail(HandshakeEnd::bad_certificate, X509_verify_cert_error_string(verdict));
    if (reason >= alert_reasons_begin) return fail(HandshakeEnd::peer_refused, std::move(text));
    return fail(HandshakeEnd::no_agreement, std::move(text));
}

bool Handshake::learn_name() noexcept {
    if (!context_->ident_is_cn()) return true;
    X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    std::optional<std::string> name = certificate ? only_common_name(certificate) : std::nullopt;
    if (name) name_ = std::move(*name);
    return name.has_value();
}

bool Handshake::resumed() const noexcept {
    return SSL_session_reused(ssl_.get()) == 1;
}

std::string Handshake::description() const {
    return std::string(SSL_get_version(ssl_.get())) + ", " + SSL_get_cipher_name(ssl_.get());
}

std::unique_ptr<TlsStream> Handshake::take_stream(std::uint64_t records_per_key) {
    return std::make_unique<TlsStream>(std::move(ssl_), context_->ident_is_cn(), std::move(name_),
                                       records_per_key);
}

}  // namespace hpfeeds::net
