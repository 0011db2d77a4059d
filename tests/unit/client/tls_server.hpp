// SPDX-License-Identifier: Apache-2.0
// tls_server.hpp: a TLS peer for one connection, and the certificate it shows.
#pragma once

#include "unit/client/scripted_broker.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace hpfeeds::client::testing {

// A fresh self-signed certificate and its key, as PEM files that go with this object.
class CertificateFiles {
public:
    CertificateFiles(const std::string& name, const std::string& address) {
        std::string pattern = std::filesystem::temp_directory_path() / "hpfeeds-tls-XXXXXX";
        folder_ = mkdtemp(pattern.data());
        certificate = folder_ / "cert.pem";
        key = folder_ / "key.pem";
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"),
                                                                       EVP_PKEY_free);
        const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
        X509_set_version(made.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
        X509_set_pubkey(made.get(), pair.get());
        X509_NAME* subject = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(made.get(), subject);
        const std::string names = "DNS:" + name + ",IP:" + address;
        X509_EXTENSION* extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
        X509_add_ext(made.get(), extension, -1);
        X509_EXTENSION_free(extension);
        X509_sign(made.get(), pair.get(), EVP_sha256());
        std::FILE* file = std::fopen(certificate.c_str(), "w");
        PEM_write_X509(file, made.get());
        std::fclose(file);
        file = std::fopen(key.c_str(), "w");
        PEM_write_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
    }
    ~CertificateFiles() { std::filesystem::remove_all(folder_); }
    CertificateFiles(const CertificateFiles&) = delete;
    CertificateFiles& operator=(const CertificateFiles&) = delete;

    std::string certificate;
    std::string key;

private:
    std::filesystem::path folder_;
};

// What runs over TLS: like Peer, with records.
class TlsPeer {
public:
    TlsPeer(const CertificateFiles& files, int descriptor)
        : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
        SSL_CTX_use_certificate_file(context_.get(), files.certificate.c_str(), SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(context_.get(), files.key.c_str(), SSL_FILETYPE_PEM);
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_fd(ssl_.get(), descriptor);
        accepted_ = SSL_accept(ssl_.get()) == 1;
    }
    [[nodiscard]] bool accepted() const { return accepted_; }
    void send(std::string_view bytes) const {
        if (accepted_) SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    }
    // Until the client's close_notify.
    [[nodiscard]] std::string read_all() const {
        std::string heard;
        std::array<char, 4096> room{};
        std::size_t taken = 0;
        while (accepted_ && SSL_read_ex(ssl_.get(), room.data(), room.size(), &taken) == 1)
            heard.append(room.data(), taken);
        return heard;
    }
    void close_notify() const {
        if (accepted_) SSL_shutdown(ssl_.get());
    }

private:
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
    bool accepted_ = false;
};

// Says `greeting` to one client once it has heard the client's end.
class TlsServer {
public:
    TlsServer(const CertificateFiles& files, std::string greeting)
        : broker_(std::make_unique<ScriptedBroker>(
              std::vector<Script>{[this, &files, greeting = std::move(greeting)](const Peer& peer) {
                  const TlsPeer tls(files, peer.descriptor());
                  heard_ = tls.read_all();
                  tls.send(greeting);
                  tls.close_notify();
              }})) {}
    [[nodiscard]] std::uint16_t port() const { return broker_->port(); }
    // Ends the server first.
    [[nodiscard]] std::string heard() {
        broker_.reset();
        return heard_;
    }

private:
    std::string heard_;
    std::unique_ptr<ScriptedBroker> broker_;
};

}  // namespace hpfeeds::client::testing
