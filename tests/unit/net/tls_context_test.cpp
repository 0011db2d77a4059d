// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.hpp"

#include "hpfeeds/error.hpp"
#include "unit/net/tls_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace hpfeeds::net {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(const PemFiles& files) {
    try {
        (void)TlsContext::load(files);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(TlsContext, RefusesAKeyOfAnotherCertificate) {
    PemFiles files = files_of(make_identity());
    files.key = PemFile("key", "b.key", make_identity().key);
    EXPECT_EQ(refusal(files),
              "key 'b.key': does not belong to cert 'b.crt'; the two must be a pair");
    files.key = PemFile("key", "b.key", make_identity({.rsa = true}).key);
    EXPECT_THAT(refusal(files), HasSubstr("does not belong to"));
}

TEST(TlsContext, WantsItsOwnCertificateFirst) {
    const Identity authority = make_identity({.name = "authority", .authority = true});
    const Identity own = make_identity({.issuer = &authority});
    PemFiles files = files_of(own);
    files.cert = PemFile("cert", "b.crt", authority.certificate + own.certificate);
    EXPECT_THAT(refusal(files), AllOf(StartsWith("cert 'b.crt'"), HasSubstr("must be the first")));
}

TEST(TlsContext, RefusesABrokenChainAndBrokenAuthorities) {
    PemFiles files = files_of(make_identity());
    files.chain = PemFile("chain", "chain.pem", "garbage");
    EXPECT_THAT(refusal(files), StartsWith("chain 'chain.pem': holds no certificate"));
    files = files_of(make_identity());
    files.ca = PemFile("ca", "ca.pem", "garbage");
    EXPECT_THAT(refusal(files), StartsWith("ca 'ca.pem': holds no certificate"));
}

TEST(TlsContext, ShowsItsChain) {
    const Identity root = make_identity({.name = "root", .authority = true});
    const Identity middle = make_identity({.name = "middle", .issuer = &root, .authority = true});
    const Identity own = make_identity({.issuer = &middle});
    PemFiles apart = files_of(own);
    apart.chain = PemFile("chain", "chain.pem", middle.certificate);
    PemFiles together = files_of(own);
    together.cert = PemFile("cert", "b.crt", own.certificate + middle.certificate);
    for (const PemFiles* files : {&apart, &together}) {
        TlsPair pair(TlsContext::load(*files), root.certificate);
        EXPECT_EQ(pair.shake_hands(), Handshake::Step::done) << "the client trusts the root alone";
    }
    TlsPair without(TlsContext::load(files_of(own)), root.certificate);
    EXPECT_THROW((void)without.shake_hands(), std::runtime_error);
}

TEST(TlsContext, KnowsItsDates) {
    const auto now = std::chrono::system_clock::now();
    EXPECT_EQ(TlsContext::load(files_of(make_identity()))->date_fault(now), "");
    const auto expired =
        TlsContext::load(files_of(make_identity({.begins_in = -48h, .ends_in = -24h})));
    EXPECT_THAT(expired->date_fault(now),
                AllOf(StartsWith("cert 'b.crt': expired on 20"), HasSubstr("renew it")));
    EXPECT_EQ(expired->date_fault(now - 36h), "");
    const auto early =
        TlsContext::load(files_of(make_identity({.begins_in = 24h, .ends_in = 48h})));
    EXPECT_THAT(early->date_fault(now), HasSubstr("is not valid before 20"));
    EXPECT_GT(early->valid_from(), now);
    EXPECT_EQ(date_text(std::chrono::system_clock::from_time_t(86'400)), "1970-01-02 00:00:00Z");
}

TEST(TlsContext, NamesItsSubject) {
    EXPECT_EQ(TlsContext::load(files_of(make_identity({.name = "broker.example"})))->subject(),
              "CN=broker.example,O=hpfeeds tests");
}

// ---- sessions that are resumed

class Resumption : public ::testing::TestWithParam<int> {
protected:
    // What a client brings back from a connection to `context`.
    std::string visit(std::shared_ptr<const TlsContext> context) {
        TlsPair pair(std::move(context), identity.certificate, {.version = GetParam()});
        EXPECT_EQ(pair.shake_hands(), Handshake::Step::done);
        return pair.client->session();
    }
    bool resumes(std::shared_ptr<const TlsContext> context, const std::string& session,
                 const Identity& shown) {
        TlsPair pair(std::move(context), shown.certificate,
                     {.version = GetParam(), .session = session});
        EXPECT_EQ(pair.shake_hands(), Handshake::Step::done);
        EXPECT_EQ(pair.handshake.resumed(), pair.client->resumed());
        return pair.client->resumed();
    }
    Identity identity = make_identity();
};

TEST_P(Resumption, WorksWithTheSameContext) {
    const auto context = TlsContext::load(files_of(identity));
    EXPECT_TRUE(resumes(context, visit(context), identity));
}

TEST_P(Resumption, OutlivesARenewedCertificate) {
    const auto before = TlsContext::load(files_of(identity));
    const Identity renewed = make_identity();
    const auto after = TlsContext::load(files_of(renewed), before.get());
    EXPECT_TRUE(resumes(after, visit(before), renewed));
}

TEST_P(Resumption, DoesNotOutliveAnotherName) {
    const auto before = TlsContext::load(files_of(identity));
    const Identity other = make_identity({.name = "other.example"});
    const auto after = TlsContext::load(files_of(other), before.get());
    EXPECT_FALSE(resumes(after, visit(before), other));
}

TEST_P(Resumption, DoesNotOutliveTheAuthoritiesThatLetTheClientIn) {
    const auto before = TlsContext::load(files_of(identity));
    const std::string session = visit(before);
    const Identity authority = make_identity({.name = "authority", .authority = true});
    const auto after = TlsContext::load(files_with_ca(identity, authority), before.get());
    TlsPair pair(after, identity.certificate, {.version = GetParam(), .session = session});
    EXPECT_EQ(pair.shake_hands(), Handshake::Step::ended);
    EXPECT_EQ(pair.handshake.end(), HandshakeEnd::no_certificate);
}

TEST_P(Resumption, OfAStrangersTicketIsAFullHandshake) {
    const auto one = TlsContext::load(files_of(identity));
    const auto unrelated = TlsContext::load(files_of(identity));
    EXPECT_FALSE(resumes(unrelated, visit(one), identity));
}

INSTANTIATE_TEST_SUITE_P(TlsContext, Resumption, ::testing::Values(support::tls12, support::tls13),
                         [](const auto& version) {
                             return version.param == support::tls12 ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace hpfeeds::net
