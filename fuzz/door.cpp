// SPDX-License-Identifier: Apache-2.0
// What a stranger says to a TLS endpoint before anything is agreed on.
//
// Input: the first byte says in how many pieces the rest comes.
// Holds: however the bytes are cut, the tongue of the first of them decides who is let near
// OpenSSL; nothing is ever let in, since no fuzzer finishes a handshake; and an end has a reason.
#include "expect.hpp"
#include "net/descriptor.hpp"
#include "net/first_bytes.hpp"
#include "net/handshake.hpp"
#include "net/openssl_ref.hpp"
#include "net/pem_files.hpp"
#include "net/tls_context.hpp"

#include <openssl/pem.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace {

using namespace hpfeeds::net;
using hpfeeds::fuzz::expect;

std::string text_of(BIO* bio) {
    char* bytes = nullptr;
    const long count = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(count)};
}

std::shared_ptr<const TlsContext> make_context() {
    std::signal(SIGPIPE, SIG_IGN);
    const KeyRef key(EVP_EC_gen("P-256"));
    const CertificateRef certificate(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86'400);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const BioRef key_text(BIO_new(BIO_s_mem())), certificate_text(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    PEM_write_bio_X509(certificate_text.get(), certificate.get());
    PemFiles files;
    files.key = PemFile("key", "key", text_of(key_text.get()));
    files.cert = PemFile("cert", "cert", text_of(certificate_text.get()));
    return TlsContext::load(files);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static const std::shared_ptr<const TlsContext> context = make_context();
    if (size < 2 || size > 16'384) return 0;
    const std::size_t pieces = data[0] % 8 + 1U;
    const std::span<const unsigned char> said(data + 1, size - 1);

    std::array<int, 2> both{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()) != 0) return 0;
    const Descriptor ours(both[0]);
    Descriptor theirs(both[1]);
    Handshake handshake(context);
    auto step = Handshake::Step::wants_read;
    std::size_t first_piece = 0;
    for (std::size_t piece = 0; piece < pieces && step == Handshake::Step::wants_read; ++piece) {
        const std::size_t begin = said.size() * piece / pieces;
        const std::size_t end = said.size() * (piece + 1) / pieces;
        if (begin == end) continue;
        if (first_piece == 0) first_piece = end - begin;
        (void)!::write(theirs.get(), said.data() + begin, end - begin);
        step = handshake.advance(ours.get());
    }
    expect(step != Handshake::Step::done, "nobody is let in by chance");
    const auto first = std::as_bytes(said).first(std::min(first_piece, first_bytes_max));
    const Tongue tongue = tongue_of(first);
    const bool turned_away =
        step == Handshake::Step::ended &&
        (handshake.end() == HandshakeEnd::plain_hpfeeds ||
         handshake.end() == HandshakeEnd::plain_http || handshake.end() == HandshakeEnd::not_tls);
    expect(turned_away == (tongue != Tongue::tls), "the first bytes decide");
    if (step == Handshake::Step::ended)
        expect(!describe(handshake.end()).empty(), "an end has a reason");
    theirs.reset();
    if (step == Handshake::Step::wants_read)
        expect(handshake.advance(ours.get()) == Handshake::Step::ended, "who leaves has left");
    return 0;
}
