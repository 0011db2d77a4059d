// SPDX-License-Identifier: Apache-2.0
// tls_pair.hpp: the broker's side of a TLS connection and a client's, with a socket pair between
// them.
#pragma once

#include "net/descriptor.hpp"
#include "net/handshake.hpp"
#include "net/pem_files.hpp"
#include "net/tls_context.hpp"
#include "support/certificates.hpp"
#include "support/temporary_directory.hpp"
#include "support/tls_side.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>

namespace hpfeeds::net::testing {

using support::CertificateWish;
using support::Identity;
using support::make_identity;
using support::TlsSide;
using support::TlsTerms;

inline PemFiles files_of(const Identity& identity) {
    PemFiles files;
    files.key = PemFile("key", "b.key", identity.key);
    files.cert = PemFile("cert", "b.crt", identity.certificate);
    return files;
}

inline PemFiles files_with_ca(const Identity& identity, const Identity& authority,
                              bool ident_is_cn = false) {
    PemFiles files = files_of(identity);
    files.ca = PemFile("ca", "ca.pem", authority.certificate);
    files.ident_is_cn = ident_is_cn;
    return files;
}

// Two ends that never wait.
struct SocketPair {
    SocketPair() {
        std::signal(SIGPIPE, SIG_IGN);  // as the broker does
        std::array<int, 2> both{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
        ours = Descriptor(both[0]);
        theirs = Descriptor(both[1]);
    }
    void say(std::string_view bytes) const {
        ASSERT_EQ(::send(theirs.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    // All that has come to the client's end.
    [[nodiscard]] std::string heard() const {
        std::string all;
        std::array<char, 65536> piece;
        for (ssize_t count = 0; (count = ::recv(theirs.get(), piece.data(), piece.size(), 0)) > 0;)
            all.append(piece.data(), static_cast<std::size_t>(count));
        return all;
    }
    Descriptor ours, theirs;
};

class TlsPair {
public:
    // The client trusts `identity` itself, or who signed it.
    TlsPair(std::shared_ptr<const TlsContext> context, const std::string& trusted,
            TlsTerms terms = {})
        : handshake(std::move(context)) {
        support::write_file(folder.path() / "trusted.pem", trusted);
        terms.trusted_file = folder.file("trusted.pem");
        client = std::make_unique<TlsSide>(terms);
    }

    // Both sides in turn, until the broker's is through or has given up. Throws when the client
    // does.
    Handshake::Step shake_hands() {
        for (int turn = 0; turn < 20; ++turn) {
            const bool through = client->shake_hands();
            sockets.say(client->take_output());
            const Handshake::Step step = handshake.advance(sockets.ours.get());
            std::string plaintext;
            if (through)
                (void)client->decrypt(sockets.heard(), plaintext);
            else
                client->take_in(sockets.heard());
            if (step == Handshake::Step::done || step == Handshake::Step::ended) {
                (void)client->decrypt({}, plaintext);
                return step;
            }
        }
        ADD_FAILURE() << "the handshake does not end";
        return Handshake::Step::ended;
    }

    support::TemporaryDirectory folder;
    SocketPair sockets;
    Handshake handshake;
    std::unique_ptr<TlsSide> client;
};

}  // namespace hpfeeds::net::testing
