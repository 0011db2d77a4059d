// SPDX-License-Identifier: Apache-2.0
#include "support/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>

namespace hpfeeds::support {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("a test certificate cannot be made: ") + what);
}

template <typename Write>
std::string pem(Write write) {
    const BioPtr bio(BIO_new(BIO_s_mem()), BIO_free);
    require(write(bio.get()) == 1, "writing PEM");
    char* bytes = nullptr;
    const long count = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(count)};
}

BioPtr reader(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

KeyPtr key_of(const Identity& identity) {
    return {PEM_read_bio_PrivateKey(reader(identity.key).get(), nullptr, nullptr, nullptr),
            EVP_PKEY_free};
}

void add_extension(X509* certificate, int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value.c_str());
    X509_EXTENSION_free(extension);
}

void add_name(X509_NAME* subject, const char* field, const std::string& value) {
    require(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.c_str()), -1,
                                       -1, 0) == 1,
            "the subject");
}

}  // namespace

Identity make_identity(const CertificateWish& wish) {
    const KeyPtr key(wish.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free);
    const CertificatePtr made(X509_new(), X509_free);
    require(key && made, "the key");
    X509_set_version(made.get(), X509_VERSION_3);
    std::uint64_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
    const auto seconds = [](std::chrono::hours hours) {
        return static_cast<long>(std::chrono::seconds(hours).count());
    };
    X509_gmtime_adj(X509_getm_notBefore(made.get()), seconds(wish.begins_in));
    X509_gmtime_adj(X509_getm_notAfter(made.get()), seconds(wish.ends_in));
    X509_set_pubkey(made.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(made.get());
    add_name(subject, "O", "hpfeeds tests");
    if (!wish.nameless) add_name(subject, "CN", wish.name);
    if (!wish.second_name.empty()) add_name(subject, "CN", wish.second_name);
    if (wish.authority)
        add_extension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    else
        add_extension(made.get(), NID_subject_alt_name,
                      "DNS:" + wish.name + ",IP:127.0.0.1,IP:::1");
    KeyPtr signer(nullptr, EVP_PKEY_free);
    if (wish.issuer) {
        const CertificatePtr issuer(
            PEM_read_bio_X509(reader(wish.issuer->certificate).get(), nullptr, nullptr, nullptr),
            X509_free);
        X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
        signer = key_of(*wish.issuer);
    } else {
        X509_set_issuer_name(made.get(), subject);
    }
    require(X509_sign(made.get(), signer ? signer.get() : key.get(), EVP_sha256()) > 0, "signing");
    return {pem([&](BIO* out) {
                return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr,
                                                nullptr);
            }),
            pem([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); })};
}

std::string encrypted_key(const Identity& identity, const std::string& passphrase) {
    const KeyPtr key = key_of(identity);
    return pem([&](BIO* out) {
        return PEM_write_bio_PKCS8PrivateKey(out, key.get(), EVP_aes_256_cbc(), passphrase.data(),
                                             static_cast<int>(passphrase.size()), nullptr, nullptr);
    });
}

}  // namespace hpfeeds::support
