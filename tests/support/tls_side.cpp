// SPDX-License-Identifier: Apache-2.0
#include "support/tls_side.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <stdexcept>

namespace hpfeeds::support {

struct TlsSide::State {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                              SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
    BIO* in = BIO_new(BIO_s_mem());   // owned by ssl
    BIO* out = BIO_new(BIO_s_mem());  // owned by ssl
};

namespace {

[[noreturn]] void fail(const std::string& what) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    throw std::runtime_error(what + ": " + (reason ? reason : "no reason given"));
}

}  // namespace

TlsSide::TlsSide(const TlsTerms& terms) : state_(std::make_unique<State>()) {
    SSL_CTX* context = state_->context.get();
    if (terms.version) {
        SSL_CTX_set_min_proto_version(context, terms.version);
        SSL_CTX_set_max_proto_version(context, terms.version);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_file(context, terms.trusted_file.c_str()) != 1)
        fail("cannot trust " + terms.trusted_file);
    if (!terms.certificate_file.empty() &&
        (SSL_CTX_use_certificate_chain_file(context, terms.certificate_file.c_str()) != 1 ||
         SSL_CTX_use_PrivateKey_file(context, terms.key_file.c_str(), SSL_FILETYPE_PEM) != 1))
        fail("cannot show " + terms.certificate_file);
    state_->ssl.reset(SSL_new(context));
    BIO_set_mem_eof_return(state_->in, -1);
    SSL_set_bio(state_->ssl.get(), state_->in, state_->out);
    SSL_set_connect_state(state_->ssl.get());
    if (terms.session.empty()) return;
    const auto* bytes = reinterpret_cast<const unsigned char*>(terms.session.data());
    SSL_SESSION* session =
        d2i_SSL_SESSION(nullptr, &bytes, static_cast<long>(terms.session.size()));
    SSL_set_session(state_->ssl.get(), session);
    SSL_SESSION_free(session);
}

TlsSide::~TlsSide() = default;

bool TlsSide::shake_hands() {
    ERR_clear_error();
    const int result = SSL_do_handshake(state_->ssl.get());
    if (result == 1) return true;
    if (SSL_get_error(state_->ssl.get(), result) != SSL_ERROR_WANT_READ)
        fail("the TLS handshake failed");
    return false;
}

void TlsSide::encrypt(std::string_view plaintext) {
    if (plaintext.empty()) return;
    ERR_clear_error();
    if (SSL_write(state_->ssl.get(), plaintext.data(), static_cast<int>(plaintext.size())) <= 0)
        fail("nothing can be encrypted");
}

void TlsSide::take_in(std::string_view ciphertext) {
    if (!ciphertext.empty())
        BIO_write(state_->in, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

bool TlsSide::decrypt(std::string_view ciphertext, std::string& plaintext) {
    ERR_clear_error();
    take_in(ciphertext);
    std::array<char, 16384> room{};
    while (true) {
        const int count = SSL_read(state_->ssl.get(), room.data(), static_cast<int>(room.size()));
        if (count > 0) {
            plaintext.append(room.data(), static_cast<std::size_t>(count));
            continue;
        }
        const int error = SSL_get_error(state_->ssl.get(), count);
        ERR_clear_error();
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN;
    }
}

std::string TlsSide::take_output() {
    std::string taken(BIO_ctrl_pending(state_->out), '\0');
    if (!taken.empty()) BIO_read(state_->out, taken.data(), static_cast<int>(taken.size()));
    return taken;
}

void TlsSide::say_goodbye() {
    SSL_shutdown(state_->ssl.get());
    ERR_clear_error();
}

bool TlsSide::heard_goodbye() const {
    return (SSL_get_shutdown(state_->ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void TlsSide::change_keys(bool ask_for_theirs) {
    const int kind = ask_for_theirs ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    if (SSL_key_update(state_->ssl.get(), kind) != 1 || SSL_do_handshake(state_->ssl.get()) != 1)
        fail("the keys cannot be changed");
}

std::string TlsSide::session() const {
    SSL_SESSION* session = SSL_get_session(state_->ssl.get());
    unsigned char* der = nullptr;
    const int count = i2d_SSL_SESSION(session, &der);
    if (count <= 0) fail("there is no session");
    std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(count));
    OPENSSL_free(der);
    return text;
}

bool TlsSide::resumed() const {
    return SSL_session_reused(state_->ssl.get()) == 1;
}

std::string TlsSide::peer_serial() const {
    X509* shown = SSL_get0_peer_certificate(state_->ssl.get());
    if (!shown) return {};
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(shown), nullptr), BN_free);
    char* text = BN_bn2hex(number.get());
    std::string serial = text;
    OPENSSL_free(text);
    return serial;
}

}  // namespace hpfeeds::support
