// SPDX-License-Identifier: Apache-2.0
// pem_files.hpp: the files of a TLS endpoint, and what is in them.
//
// The files are read once and then looked at in memory, so that what is judged is what was read,
// whoever writes to them meanwhile.
//
// Threads  any that may block.
// Errors   hpfeeds::Error: one line with the field, the file, what is wrong and what to do.
#pragma once

#include "net/openssl_ref.hpp"

#include <string>
#include <vector>

namespace hpfeeds::net {

// As in the endpoint: key and cert are always named, the others may be empty.
struct TlsFiles {
    std::string key;
    std::string cert;
    std::string chain = {};
    std::string ca = {};
    bool ident_is_cn = false;
};

// A file's text, which may be a secret: it is wiped when it goes.
class PemFile {
public:
    PemFile() = default;
    // Reads the file whole. `field` says in which field of the endpoint it was named.
    PemFile(std::string field, std::string path);
    // A text that was had otherwise; for tests.
    PemFile(std::string field, std::string path, std::string text)
        : field_(std::move(field)), path_(std::move(path)), text_(std::move(text)) {}
    ~PemFile();
    PemFile(PemFile&&) noexcept = default;
    PemFile& operator=(PemFile&&) noexcept = default;

    [[nodiscard]] bool named() const noexcept { return !path_.empty(); }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    // Whether users other than the owner and the group may read it.
    [[nodiscard]] bool open_to_all() const noexcept { return open_to_all_; }
    // "cert 'broker.crt'"
    [[nodiscard]] std::string title() const { return field_ + " '" + path_ + "'"; }
    // Throws hpfeeds::Error that begins with title().
    [[noreturn]] void refuse(const std::string& why) const;

    // The private key in it.
    [[nodiscard]] KeyRef private_key() const;
    // The certificates in it, in order; at least one.
    [[nodiscard]] std::vector<CertificateRef> certificates() const;

private:
    std::string field_;
    std::string path_;
    std::string text_;
    bool open_to_all_ = false;
};

// What all files of one endpoint hold at one moment.
struct PemFiles {
    PemFile key;
    PemFile cert;
    PemFile chain;
    PemFile ca;
    bool ident_is_cn = false;

    [[nodiscard]] static PemFiles read(const TlsFiles& files);
    // Tells contents apart without keeping them.
    [[nodiscard]] std::string digest() const;
};

}  // namespace hpfeeds::net
