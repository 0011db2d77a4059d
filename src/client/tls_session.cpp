// SPDX-License-Identifier: Apache-2.0
#include "client/tls_session.hpp"

#include "client/errc.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace hpfeeds::client {
namespace {

// What the BIO below a session works on.
struct Socket {
    int descriptor = -1;
    std::uint64_t written_bytes = 0;
};

Socket& socket_of(BIO* bio) {
    return *static_cast<Socket*>(BIO_get_data(bio));
}

int bio_result(BIO* bio, ssize_t moved, int retry_flag) {
    BIO_clear_retry_flags(bio);
    if (moved < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    return static_cast<int>(moved);
}

int bio_write(BIO* bio, const char* bytes, int count) {
    Socket& socket = socket_of(bio);
    const ssize_t moved =
        send(socket.descriptor, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL);
    if (moved > 0) socket.written_bytes += static_cast<std::uint64_t>(moved);
    return bio_result(bio, moved, BIO_FLAGS_WRITE);
}

int bio_read(BIO* bio, char* room, int count) {
    const ssize_t moved = recv(socket_of(bio).descriptor, room, static_cast<std::size_t>(count), 0);
    if (moved == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return bio_result(bio, moved, BIO_FLAGS_READ);
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return 0;
}

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE in a program that did not ask
// for it.
BIO* new_quiet_bio(Socket& socket) {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hpfeeds");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, &socket);
    BIO_set_init(bio, 1);
    return bio;
}

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

// SSL_set_tlsext_host_name() without its old-style cast.
bool ask_for_name(SSL* ssl, std::string host) {
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

}  // namespace

struct TlsSession::State {
    std::shared_ptr<const TlsContext> context;
    std::unique_ptr<X509, decltype(&X509_free)> shown{nullptr, X509_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
    std::string host;
    Socket socket;
};

TlsSession::TlsSession(int descriptor, const std::string& host, const std::string& trusted_file)
    : TlsSession(descriptor, host, std::make_shared<const TlsContext>(trusted_file)) {}

TlsSession::TlsSession(int descriptor, const std::string& host,
                       std::shared_ptr<const TlsContext> context)
    : state_(std::make_unique<State>()) {
    state_->context = std::move(context);
    if (!prepare(descriptor, host)) state_->ssl.reset();
}

TlsSession::~TlsSession() = default;

bool TlsSession::prepare(int descriptor, const std::string& host) {
    ERR_clear_error();
    state_->host = host;
    const TlsContext& context = *state_->context;
    if (context.get() == nullptr) {
        fail(context.error(), context.explanation());
        return false;
    }
    state_->ssl.reset(SSL_new(context.get()));
    SSL* ssl = state_->ssl.get();
    if (ssl == nullptr) {
        fail(Errc::tls_failed, "TLS cannot be set up: " + openssl_reason());
        return false;
    }
    SSL_set_app_data(ssl, &state_->shown);
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
    // A broker's own certificate may be what is trusted, without an authority above it.
    X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_PARTIAL_CHAIN);
    const bool named = is_address(host)
                           ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1
                           : X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1 &&
                                 ask_for_name(ssl, host);
    if (!named) {
        fail(Errc::tls_failed,
             "'" + host + "' cannot be checked against a certificate: " + openssl_reason());
        return false;
    }
    state_->socket.descriptor = descriptor;
    BIO* bio = new_quiet_bio(state_->socket);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    return true;
}

TlsSession::Step TlsSession::fail(std::error_code error, std::string explanation) {
    error_ = error;
    explanation_ = std::move(explanation);
    return Step::failed;
}

TlsSession::Step TlsSession::step_after(int result) {
    const int system_error = errno;
    switch (SSL_get_error(state_->ssl.get(), result)) {
        case SSL_ERROR_NONE:
            return Step::done;
        case SSL_ERROR_WANT_READ:
            return Step::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return Step::wants_write;
        case SSL_ERROR_ZERO_RETURN:
            return Step::closed;
        case SSL_ERROR_SYSCALL:
            if (system_error == 0) return Step::closed;
            return fail({system_error, std::generic_category()}, std::strerror(system_error));
        default:
            return fail(Errc::tls_failed, openssl_reason());
    }
}

TlsSession::Step TlsSession::handshake() {
    if (!state_->ssl) return Step::failed;
    ERR_clear_error();
    errno = 0;
    SSL* ssl = state_->ssl.get();
    const int result = SSL_do_handshake(ssl);
    if (result == 1) return Step::done;
    const bool not_tls = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_WRONG_VERSION_NUMBER;
    const Step step = step_after(result);
    if (step != Step::failed || error_ != Errc::tls_failed) return step;
    if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
        const bool wrong_name =
            verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
        return fail(Errc::certificate_refused,
                    wrong_name ? "the broker's certificate is not for '" + state_->host + "'"
                               : "the broker's certificate is not trusted: " +
                                     std::string(X509_verify_cert_error_string(verdict)));
    }
    explanation_ = "the TLS handshake failed: " + explanation_;
    if (not_tls) explanation_ += " (does this port speak TLS?)";
    return step;
}

TlsSession::Step TlsSession::read(std::span<std::byte> room, std::size_t& taken) {
    ERR_clear_error();
    errno = 0;
    taken = 0;
    return step_after(SSL_read_ex(state_->ssl.get(), room.data(), room.size(), &taken));
}

TlsSession::Step TlsSession::write(std::span<const std::byte> bytes, std::size_t& taken) {
    ERR_clear_error();
    errno = 0;
    taken = 0;
    return step_after(SSL_write_ex(state_->ssl.get(), bytes.data(), bytes.size(), &taken));
}

std::uint64_t TlsSession::written_bytes() const noexcept {
    return state_->socket.written_bytes;
}

TlsSession::Step TlsSession::close_notify() {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_shutdown(state_->ssl.get());
    return result >= 0 ? Step::done : step_after(result);
}

std::string TlsSession::description() const {
    SSL* ssl = state_->ssl.get();
    return std::string(SSL_get_version(ssl)) + ", " + SSL_get_cipher_name(ssl);
}

std::optional<CertificateFacts> TlsSession::certificate() const {
    if (!state_->shown) return {};
    return facts_of(state_->shown.get());
}

}  // namespace hpfeeds::client
