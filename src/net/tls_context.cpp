// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.hpp"

#include "hpfeeds/error.hpp"
#include "net/descriptor.hpp"
#include "net/limits.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>
#include <utility>

namespace hpfeeds::net {
namespace {

constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// Tells our sessions from those of another program with the same certificate.
constexpr std::string_view session_context = "hpfeeds";

// Asked once, of a socket that goes nowhere: OpenSSL would ask at every handshake, and each time
// have the kernel look for a module that is not there.
bool kernel_offers_tls() noexcept {
    static const bool offered = [] {
        const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        constexpr std::string_view name = "tls";
        const int refused = setsockopt(socket.get(), IPPROTO_TCP, TCP_ULP, name.data(),
                                       static_cast<socklen_t>(name.size()));
        return socket.open() && (refused == 0 || errno == ENOTCONN);
    }();
    return offered;
}

SslContextRef new_context() {
    SslContextRef context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* raw = context.get();
    if (!raw) throw Error("TLS cannot be set up: " + take_openssl_reason());
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    // Frames carry their own length, so a peer that vanishes without close_notify hides nothing
    // from us (client-quirk 7).
    SSL_CTX_set_options(
        raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (kernel_offers_tls()) SSL_CTX_set_options(raw, SSL_OP_ENABLE_KTLS);
    // An idle connection keeps no buffers.
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(raw, 1);
    SSL_CTX_set_default_read_buffer_len(raw, tls_receive_bytes);
    SSL_CTX_set_cipher_list(raw, tls12_ciphers);
    SSL_CTX_set_session_id_context(raw,
                                   reinterpret_cast<const unsigned char*>(session_context.data()),
                                   static_cast<unsigned>(session_context.size()));
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(raw, cached_sessions_max);
    SSL_CTX_set_timeout(raw, session_life.count());
    SSL_CTX_set_num_tickets(raw, 1);  // a sensor that reconnects needs one
    SSL_CTX_set_max_cert_list(raw, client_certificates_bytes_max);
    return context;
}

TlsContext::Time time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string one_line(const X509_NAME* name) {
    const BioRef text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), name, 0,
                       XN_FLAG_RFC2253 & ~static_cast<unsigned>(ASN1_STRFLGS_ESC_MSB));
    char* bytes = nullptr;
    const long count = BIO_get_mem_data(text.get(), &bytes);
    return {bytes, static_cast<std::size_t>(count)};
}

// Subject and alternative names as they stand in the certificate.
std::string names_of(X509* certificate) {
    unsigned char* der = nullptr;
    const int count = i2d_X509_NAME(X509_get_subject_name(certificate), &der);
    std::string names(reinterpret_cast<const char*>(der),
                      static_cast<std::size_t>(std::max(count, 0)));
    OPENSSL_free(der);
    const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    if (at < 0) return names;
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    names.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                 static_cast<std::size_t>(ASN1_STRING_length(value)));
    return names;
}

void add_chain(SSL_CTX* context, const PemFile& file, std::vector<CertificateRef> chain,
               std::size_t first) {
    for (std::size_t i = first; i < chain.size(); ++i)
        if (SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, chain[i].get()) != 1)
            file.refuse("holds a certificate that cannot be used (" + take_openssl_reason() + ")");
}

}  // namespace

std::shared_ptr<const TlsContext> TlsContext::load(const PemFiles& files,
                                                   const TlsContext* ancestor) {
    ERR_clear_error();
    const std::shared_ptr<TlsContext> made(new TlsContext);
    made->context_ = new_context();
    made->use_certificate(files);
    if (files.ca.named()) made->ask_for_certificates(files.ca);
    made->ident_is_cn_ = files.ident_is_cn;
    if (files.key.open_to_all())
        made->concern_ = files.key.title() +
                         ": every user of this machine can read the private key; chmod o-r it";
    // A resumed session is not verified again: it must not outlive the authorities that let it in.
    made->ticket_keys_ = ancestor && ancestor->identity_ == made->identity_
                             ? ancestor->ticket_keys_
                             : std::make_shared<TicketKeys>();
    made->ticket_keys_->serve(made->get());
    ERR_clear_error();
    return made;
}

void TlsContext::use_certificate(const PemFiles& files) {
    const KeyRef key = files.key.private_key();
    std::vector<CertificateRef> certificates = files.cert.certificates();
    X509* own = certificates.front().get();
    if (X509_check_private_key(own, key.get()) != 1) {
        ERR_clear_error();
        for (const CertificateRef& other : certificates)
            if (X509_check_private_key(other.get(), key.get()) == 1)
                files.cert.refuse("the broker's own certificate must be the first one in it");
        ERR_clear_error();
        files.key.refuse("does not belong to " + files.cert.title() + "; the two must be a pair");
    }
    if (SSL_CTX_use_certificate(get(), own) != 1)
        files.cert.refuse("cannot be used (" + take_openssl_reason() +
                          "); is it of a kind and strength that clients accept?");
    if (SSL_CTX_use_PrivateKey(get(), key.get()) != 1)
        files.key.refuse("cannot be used (" + take_openssl_reason() + ")");
    describe(own);
    cert_title_ = files.cert.title();
    add_chain(get(), files.cert, std::move(certificates), 1);
    if (files.chain.named()) add_chain(get(), files.chain, files.chain.certificates(), 0);
}

void TlsContext::ask_for_certificates(const PemFile& ca) {
    X509_STORE* trusted = SSL_CTX_get_cert_store(get());
    for (const CertificateRef& authority : ca.certificates()) {
        if (X509_STORE_add_cert(trusted, authority.get()) != 1 ||
            SSL_CTX_add_client_CA(get(), authority.get()) != 1)
            ca.refuse("holds a certificate that cannot be used (" + take_openssl_reason() + ")");
    }
    SSL_CTX_set_verify(get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    asks_for_certificate_ = true;
    identity_ += ca.text();
}

void TlsContext::describe(X509* certificate) {
    subject_ = one_line(X509_get_subject_name(certificate));
    identity_ = names_of(certificate);
    valid_from_ = time_of(X509_get0_notBefore(certificate));
    valid_until_ = time_of(X509_get0_notAfter(certificate));
}

std::string TlsContext::date_fault(Time now) const {
    if (now >= valid_until_)
        return cert_title_ + ": expired on " + date_text(valid_until_) + "; renew it";
    if (now < valid_from_)
        return cert_title_ + ": is not valid before " + date_text(valid_from_) +
               "; is this machine's clock right?";
    return {};
}

std::string date_text(TlsContext::Time time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t bytes = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%SZ", &parts);
    return {text.data(), bytes};
}

}  // namespace hpfeeds::net
