// SPDX-License-Identifier: Apache-2.0
// openssl_ref.hpp: OpenSSL's objects with an owner, and its reasons as text.
//
// Threads  OpenSSL's error queue belongs to a thread. Whoever meets an error here empties the
// queue, so that the next call of that thread begins with an empty one.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace hpfeeds::net {

template <auto free_it>
struct FreedBy {
    template <typename Object>
    void operator()(Object* object) const noexcept {
        free_it(object);
    }
};

using BioRef = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using BioMethodRef = std::unique_ptr<BIO_METHOD, FreedBy<BIO_meth_free>>;
using CertificateRef = std::unique_ptr<X509, FreedBy<X509_free>>;
using KeyRef = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using SslContextRef = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
using SslRef = std::unique_ptr<SSL, FreedBy<SSL_free>>;

// What OpenSSL's newest error says, which is the one nearest to what we asked for; empties the
// queue.
[[nodiscard]] std::string take_openssl_reason();

}  // namespace hpfeeds::net
