// SPDX-License-Identifier: Apache-2.0
#include "net/handshake.hpp"

#include "unit/net/tls_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hpfeeds::net {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Step = Handshake::Step;

class HandshakeTest : public ::testing::Test {
protected:
    static const Identity& identity() {
        static const Identity made = make_identity();
        return made;
    }
    static const Identity& authority() {
        static const Identity made = make_identity({.name = "authority", .authority = true});
        return made;
    }
    std::shared_ptr<const TlsContext> context = TlsContext::load(files_of(identity()));

    // How it ends when somebody says this.
    HandshakeEnd end_after(const std::string& words) {
        const SocketPair sockets;
        sockets.say(words);
        Handshake handshake(context);
        EXPECT_EQ(handshake.advance(sockets.ours.get()), Step::ended);
        return handshake.end();
    }

    // How it ends for a client with this certificate, where the endpoint asks for one.
    HandshakeEnd end_with(const Identity* shown, bool ident_is_cn = false) {
        const auto asking = TlsContext::load(files_with_ca(identity(), authority(), ident_is_cn));
        const support::TemporaryDirectory folder;
        TlsTerms terms{.version = support::tls13};
        if (shown) {
            support::write_file(folder.path() / "c.crt", shown->certificate);
            support::write_file(folder.path() / "c.key", shown->key);
            terms.certificate_file = folder.file("c.crt");
            terms.key_file = folder.file("c.key");
        }
        TlsPair pair(asking, identity().certificate, terms);
        if (pair.shake_hands() == Step::done) {
            name = pair.handshake.take_stream()->bound_ident();
            return HandshakeEnd::shutdown;  // that is: none of the refusals
        }
        detail = pair.handshake.detail();
        return pair.handshake.end();
    }
    std::string name, detail;
};

TEST_F(HandshakeTest, EndsWellWithEitherVersion) {
    for (const int version : {support::tls12, support::tls13}) {
        TlsPair pair(context, identity().certificate, {.version = version});
        EXPECT_EQ(pair.shake_hands(), Step::done);
        EXPECT_THAT(pair.handshake.description(),
                    HasSubstr(version == support::tls12 ? "TLSv1.2, ECDHE" : "TLSv1.3, TLS_AES"));
        EXPECT_TRUE(pair.handshake.take_stream()->may_be("anybody"));
    }
}

TEST_F(HandshakeTest, GoesOnAtEveryByteOfATornClientHello) {
    TlsPair pair(context, identity().certificate);
    (void)pair.client->shake_hands();
    const std::string hello = pair.client->take_output();
    for (const char byte : hello) {
        EXPECT_EQ(pair.handshake.advance(pair.sockets.ours.get()), Step::wants_read);
        pair.sockets.say({&byte, 1});
    }
    EXPECT_EQ(pair.handshake.advance(pair.sockets.ours.get()), Step::wants_read);
    pair.client->take_in(pair.sockets.heard());
    EXPECT_EQ(pair.shake_hands(), Step::done);
}

TEST_F(HandshakeTest, IsNotBegunByAPeerThatSaysNothing) {
    const SocketPair sockets;
    Handshake handshake(context);
    EXPECT_EQ(handshake.advance(sockets.ours.get()), Step::wants_read);
    EXPECT_EQ(handshake.end_at_deadline(), HandshakeEnd::silent);
    sockets.say("\x16");
    EXPECT_EQ(handshake.advance(sockets.ours.get()), Step::wants_read);
    EXPECT_EQ(handshake.end_at_deadline(), HandshakeEnd::deadline);
}

TEST_F(HandshakeTest, TellsWhoComesWithoutTls) {
    EXPECT_EQ(end_after(std::string("\0\0\0\x2c\x02\x06sensor", 12)), HandshakeEnd::plain_hpfeeds);
    EXPECT_EQ(end_after("GET / HTTP/1.1\r\n\r\n"), HandshakeEnd::plain_http);
    EXPECT_EQ(end_after("SSH-2.0-OpenSSH_9.2\r\n"), HandshakeEnd::not_tls);
    EXPECT_EQ(end_after(std::string("\x16\x03\x01\x00\x05garbage", 12)),
              HandshakeEnd::no_agreement);
}

TEST_F(HandshakeTest, TellsAProbeFromAPeerThatLeft) {
    SocketPair sockets;
    Handshake handshake(context);
    sockets.theirs.reset();
    EXPECT_EQ(handshake.advance(sockets.ours.get()), Step::ended);
    EXPECT_EQ(handshake.end(), HandshakeEnd::probe);

    TlsPair pair(context, identity().certificate);
    (void)pair.client->shake_hands();
    pair.sockets.say(pair.client->take_output().substr(0, 100));
    pair.sockets.theirs.reset();
    EXPECT_EQ(pair.handshake.advance(pair.sockets.ours.get()), Step::ended);
    EXPECT_EQ(pair.handshake.end(), HandshakeEnd::peer_left);
}

TEST_F(HandshakeTest, TellsAClientThatDoesNotTrustUs) {
    const Identity stranger = make_identity();
    TlsPair pair(context, stranger.certificate);
    EXPECT_THROW((void)pair.shake_hands(), std::runtime_error);
    pair.sockets.say(pair.client->take_output());
    EXPECT_EQ(pair.handshake.advance(pair.sockets.ours.get()), Step::ended);
    EXPECT_EQ(pair.handshake.end(), HandshakeEnd::peer_refused);
    EXPECT_THAT(pair.handshake.detail(), HasSubstr("alert"));
}

TEST_F(HandshakeTest, RefusesVersionsBefore12) {
    // A ClientHello of TLS 1.1, with one cipher and nothing else.
    std::string hello("\x03\x02", 2);
    hello += std::string(32, 'r');
    hello += std::string("\0\0\x02\xc0\x13\x01\0", 7);
    std::string message("\x01\0\0", 3);
    message += static_cast<char>(hello.size());
    message += hello;
    std::string record("\x16\x03\x01\0", 4);
    record += static_cast<char>(message.size());
    EXPECT_EQ(end_after(record + message), HandshakeEnd::no_agreement);
}

TEST_F(HandshakeTest, AsksForACertificateAndVerifiesIt) {
    EXPECT_EQ(end_with(nullptr), HandshakeEnd::no_certificate);
    const Identity good = make_identity({.name = "sensor1", .issuer = &authority()});
    EXPECT_EQ(end_with(&good), HandshakeEnd::shutdown);
    EXPECT_EQ(name, "") << "without ident=cn the name does not count";
    const Identity foreign = make_identity({.name = "sensor1"});
    EXPECT_EQ(end_with(&foreign), HandshakeEnd::bad_certificate);
    EXPECT_THAT(detail, HasSubstr("self-signed"));
    const Identity expired = make_identity(
        {.name = "sensor1", .issuer = &authority(), .begins_in = -48h, .ends_in = -24h});
    EXPECT_EQ(end_with(&expired), HandshakeEnd::bad_certificate);
    EXPECT_THAT(detail, HasSubstr("expired"));
}

TEST_F(HandshakeTest, LearnsTheNameOfTheClientsCertificate) {
    const Identity good = make_identity({.name = "sensor1", .issuer = &authority()});
    EXPECT_EQ(end_with(&good, true), HandshakeEnd::shutdown);
    EXPECT_EQ(name, "sensor1");
    const Identity nameless =
        make_identity({.name = "sensor1", .issuer = &authority(), .nameless = true});
    EXPECT_EQ(end_with(&nameless, true), HandshakeEnd::nameless_certificate);
    const Identity two =
        make_identity({.name = "sensor1", .issuer = &authority(), .second_name = "sensor2"});
    EXPECT_EQ(end_with(&two, true), HandshakeEnd::nameless_certificate);
}

TEST(HandshakeEnd, HasAWordAndASentenceForEach) {
    std::set<std::string_view> labels;
    for (std::size_t i = 0; i < handshake_end_count; ++i) {
        const auto end = static_cast<HandshakeEnd>(i);
        EXPECT_THAT(std::string(label(end)), ::testing::MatchesRegex("[a-z-]+"));
        EXPECT_FALSE(describe(end).empty());
        labels.insert(label(end));
    }
    EXPECT_EQ(labels.size(), handshake_end_count);
}

}  // namespace
}  // namespace hpfeeds::net
