// SPDX-License-Identifier: Apache-2.0
#include "client/tls_context.hpp"

#include "client/errc.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

namespace hpfeeds::client {
namespace {

// OpenSSL's own verification, which lets go of a certificate that it refuses: the session, which
// has said where, holds on to it.
int verify_and_keep(X509_STORE_CTX* chain, void*) {
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const keep =
        static_cast<std::unique_ptr<X509, decltype(&X509_free)>*>(SSL_get_app_data(ssl));
    X509* shown = X509_STORE_CTX_get0_cert(chain);
    if (keep != nullptr && shown != nullptr && X509_up_ref(shown) == 1) keep->reset(shown);
    return X509_verify_cert(chain);
}

}  // namespace

std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return reason != nullptr ? reason : "no reason given";
}

TlsContext::TlsContext(const std::string& trusted_file, std::size_t read_ahead_bytes)
    : context_(SSL_CTX_new(TLS_client_method())) {
    ERR_clear_error();
    SSL_CTX* const context = context_.get();
    if (context == nullptr) {
        fail(Errc::tls_failed, "TLS cannot be set up: " + openssl_reason());
        return;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // Frames carry their own length, so a connection that ends without close_notify hides nothing
    // from us.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context, verify_and_keep, nullptr);
    if (read_ahead_bytes > 0) {
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, read_ahead_bytes);
    }
    if (trusted_file.empty())
        SSL_CTX_set_default_verify_paths(context);
    else if (SSL_CTX_load_verify_file(context, trusted_file.c_str()) != 1)
        fail(Errc::certificate_unusable, "cannot read trusted certificates from '" + trusted_file +
                                             "': " + openssl_reason() + "; it must be a PEM file");
}

void TlsContext::Free::operator()(SSL_CTX* context) const {
    SSL_CTX_free(context);
}

void TlsContext::fail(std::error_code error, std::string explanation) {
    context_.reset();
    error_ = error;
    explanation_ = std::move(explanation);
}

}  // namespace hpfeeds::client
