// SPDX-License-Identifier: Apache-2.0
#include "net/pem_files.hpp"

#include "hpfeeds/error.hpp"
#include "net/descriptor.hpp"
#include "net/limits.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hpfeeds::net {
namespace {

// The broker has nobody to ask for a passphrase.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

BioRef reader_of(const std::string& text) {
    return BioRef(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool begins_but_does_not_end(const std::string& text) {
    const std::size_t last_begin = text.rfind("-----BEGIN ");
    return last_begin != std::string::npos &&
           text.find("-----END ", last_begin) == std::string::npos;
}

std::string remedy_for_reading(int error) {
    if (error == EACCES || error == EPERM) return "; make it readable for the broker's user";
    if (error == ENOENT || error == ENOTDIR) return "; is the path right?";
    return "";
}

}  // namespace

PemFile::PemFile(std::string field, std::string path)
    : field_(std::move(field)), path_(std::move(path)) {
    const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.open())
        refuse(std::string("cannot be read: ") + std::strerror(errno) + remedy_for_reading(errno));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        refuse("is not a file; name a PEM file");
    open_to_all_ = (status.st_mode & S_IROTH) != 0;
    std::array<char, 4096> piece;
    for (;;) {
        const ssize_t count = ::read(file.get(), piece.data(), piece.size());
        if (count < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
        if (count == 0) break;
        text_.append(piece.data(), static_cast<std::size_t>(count));
        if (text_.size() > pem_file_bytes_max)
            refuse("is larger than any key or certificate; name a PEM file");
    }
    OPENSSL_cleanse(piece.data(), piece.size());
    if (text_.empty()) refuse("is empty; it must be a PEM file");
}

PemFile::~PemFile() {
    OPENSSL_cleanse(text_.data(), text_.size());
}

void PemFile::refuse(const std::string& why) const {
    throw Error(title() + ": " + why);
}

KeyRef PemFile::private_key() const {
    ERR_clear_error();
    bool asked = false;
    KeyRef key(PEM_read_bio_PrivateKey(reader_of(text_).get(), nullptr, no_passphrase, &asked));
    if (key) return key;
    const std::string reason = take_openssl_reason();
    if (asked)
        refuse(
            "is encrypted, and the broker has nobody to ask for the passphrase; decrypt it with "
            "openssl pkey");
    if (begins_but_does_not_end(text_)) refuse("is not complete; it ends within a PEM block");
    refuse("holds no private key in PEM (" + reason + ")");
}

std::vector<CertificateRef> PemFile::certificates() const {
    ERR_clear_error();
    std::vector<CertificateRef> found;
    const BioRef reader = reader_of(text_);
    bool asked = false;
    while (X509* next = PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, &asked))
        found.emplace_back(next);
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_openssl_reason();
    if (begins_but_does_not_end(text_)) refuse("is not complete; it ends within a PEM block");
    if (!at_end) refuse("holds a certificate that cannot be read (" + reason + ")");
    if (found.empty()) refuse("holds no certificate in PEM");
    return found;
}

PemFiles PemFiles::read(const TlsFiles& files) {
    PemFiles read;
    read.key = PemFile("key", files.key);
    read.cert = PemFile("cert", files.cert);
    if (!files.chain.empty()) read.chain = PemFile("chain", files.chain);
    if (!files.ca.empty()) read.ca = PemFile("ca", files.ca);
    read.ident_is_cn = files.ident_is_cn;
    return read;
}

std::string PemFiles::digest() const {
    std::string digests;
    for (const PemFile* file : {&key, &cert, &chain, &ca}) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned bytes = 0;
        EVP_Digest(file->text().data(), file->text().size(), digest.data(), &bytes, EVP_sha256(),
                   nullptr);
        digests.append(reinterpret_cast<const char*>(digest.data()), bytes);
    }
    return digests;
}

}  // namespace hpfeeds::net
