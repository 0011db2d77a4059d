// SPDX-License-Identifier: Apache-2.0
#include "testing/certificate.hpp"

#include "hpfeeds/error.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>

namespace hpfeeds::testing {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

constexpr const char* names = "DNS:localhost,IP:127.0.0.1,IP:::1";
constexpr std::chrono::seconds begins_before = std::chrono::hours{1};
constexpr std::chrono::seconds ends_after = std::chrono::hours{24};

void require(bool good, const std::string& what) {
    if (!good) throw Error("cannot make a certificate for a test's broker: " + what);
}

void add_names(X509* certificate) {
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
    const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    require(added, "OpenSSL refuses its names");
}

CertificatePtr sign_itself(EVP_PKEY* key) {
    CertificatePtr made(X509_new(), X509_free);
    require(made != nullptr, "OpenSSL has no room");
    X509* const certificate = made.get();
    X509_set_version(certificate, X509_VERSION_3);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate),
                            static_cast<std::uint64_t>(now.count()));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -begins_before.count());
    X509_gmtime_adj(X509_getm_notAfter(certificate), ends_after.count());
    X509_set_pubkey(certificate, key);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    add_names(certificate);
    require(X509_sign(certificate, key, EVP_sha256()) > 0, "OpenSSL does not sign it");
    return made;
}

FilePtr create(const std::string& path) {
    FilePtr file(std::fopen(path.c_str(), "wx"), std::fclose);
    require(file != nullptr, "'" + path + "': " + std::strerror(errno));
    return file;
}

}  // namespace

Certificate::Certificate() {
    std::string pattern = std::filesystem::temp_directory_path() / "hpfeeds-testing-XXXXXX";
    // Its mode is 0700: nobody else sees the key.
    require(mkdtemp(pattern.data()) != nullptr, "'" + pattern + "': " + std::strerror(errno));
    folder_ = pattern;
    try {
        write_files();
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
        throw;
    }
}

Certificate::~Certificate() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void Certificate::write_files() const {
    const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    require(key != nullptr, "OpenSSL makes no key");
    const CertificatePtr certificate = sign_itself(key.get());
    FilePtr key_out = create(key_file());
    bool written =
        PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
    written = std::fclose(key_out.release()) == 0 && written;
    FilePtr out = create(certificate_file());
    written = PEM_write_X509(out.get(), certificate.get()) == 1 && written;
    written = std::fclose(out.release()) == 0 && written;
    require(written, "'" + folder_.string() + "' takes no files");
}

}  // namespace hpfeeds::testing
