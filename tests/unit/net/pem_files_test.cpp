// SPDX-License-Identifier: Apache-2.0
#include "net/pem_files.hpp"

#include "hpfeeds/error.hpp"
#include "net/limits.hpp"
#include "support/certificates.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

namespace hpfeeds::net {
namespace {

namespace fs = std::filesystem;
using support::make_identity;
using support::TemporaryDirectory;
using support::write_file;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(const std::function<void()>& attempt) {
    try {
        attempt();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        return error.what();
    }
    return "";
}

std::string refusal_of_key(const std::string& text) {
    return refusal([&] { (void)PemFile("key", "b.key", text).private_key(); });
}
std::string refusal_of_certificate(const std::string& text) {
    return refusal([&] { (void)PemFile("cert", "b.crt", text).certificates(); });
}

TEST(PemFiles, HoldAKeyAndCertificates) {
    const auto one = make_identity(), other = make_identity({.rsa = true});
    EXPECT_TRUE(PemFile("key", "k", one.key).private_key());
    EXPECT_TRUE(PemFile("key", "k", other.key).private_key());
    EXPECT_EQ(PemFile("cert", "c", one.certificate + "\nwords\n" + other.certificate)
                  .certificates()
                  .size(),
              2U);
}

TEST(PemFiles, MayHoldKeyAndCertificateTogether) {
    const auto identity = make_identity();
    const PemFile both("cert", "both.pem", identity.key + identity.certificate);
    EXPECT_TRUE(both.private_key());
    EXPECT_EQ(both.certificates().size(), 1U);
}

TEST(PemFiles, RefuseWhatCannotBeRead) {
    const TemporaryDirectory folder;
    EXPECT_THAT(refusal([&] { PemFile("cert", folder.file("none.crt")); }),
                AllOf(StartsWith("cert '"), HasSubstr("none.crt': cannot be read: No such file"),
                      HasSubstr("is the path right?")));
    EXPECT_THAT(refusal([&] { PemFile("key", folder.path()); }), HasSubstr("is not a file"));
    write_file(folder.path() / "empty", "");
    EXPECT_THAT(refusal([&] { PemFile("key", folder.file("empty")); }), HasSubstr("is empty"));
    write_file(folder.path() / "large", std::string(pem_file_bytes_max + 1, 'x'));
    EXPECT_THAT(refusal([&] { PemFile("ca", folder.file("large")); }), HasSubstr("is larger than"));
}

TEST(PemFiles, RefuseAKeyThatIsNone) {
    const auto identity = make_identity();
    EXPECT_THAT(refusal_of_key("garbage"),
                AllOf(StartsWith("key 'b.key': "), HasSubstr("no private key in PEM")));
    EXPECT_THAT(refusal_of_key(identity.certificate), HasSubstr("no private key in PEM"));
    EXPECT_THAT(refusal_of_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                HasSubstr("no private key in PEM"));
}

TEST(PemFiles, RefuseAnEncryptedKeyWithTheRemedy) {
    EXPECT_THAT(refusal_of_key(support::encrypted_key(make_identity(), "passphrase")),
                AllOf(HasSubstr("is encrypted"), HasSubstr("openssl pkey")));
}

TEST(PemFiles, RefuseACertificateThatIsNone) {
    EXPECT_THAT(refusal_of_certificate("garbage"),
                AllOf(StartsWith("cert 'b.crt': "), HasSubstr("no certificate in PEM")));
    EXPECT_THAT(refusal_of_certificate(make_identity().key), HasSubstr("no certificate in PEM"));
    EXPECT_THAT(
        refusal_of_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        HasSubstr("cannot be read"));
}

// A writer was caught at any byte of it.
TEST(PemFiles, RefuseAHalfWrittenFileWhereverItEnds) {
    const auto identity = make_identity();
    const auto whole_key = identity.key.size() - 1;  // the last line end does not matter
    for (std::size_t have = 1; have < whole_key; have += 7)
        EXPECT_NE(refusal_of_key(identity.key.substr(0, have)), "") << have;
    const auto whole = identity.certificate.size() - 1;
    for (std::size_t have = 1; have < whole; have += 7) {
        EXPECT_NE(refusal_of_certificate(identity.certificate.substr(0, have)), "") << have;
        // Less than the whole BEGIN line is like words between two certificates.
        constexpr std::size_t begin_line = 28;
        if (have >= begin_line) {
            const std::string chain = identity.certificate + identity.certificate.substr(0, have);
            EXPECT_NE(refusal_of_certificate(chain), "") << have;
        }
    }
    EXPECT_THAT(refusal_of_key(identity.key.substr(0, 100)), HasSubstr("is not complete"));
    EXPECT_THAT(refusal_of_certificate(identity.certificate.substr(0, 100)),
                HasSubstr("is not complete"));
}

TEST(PemFiles, TellWhenEverybodyMayReadThem) {
    const TemporaryDirectory folder;
    write_file(folder.path() / "k", "x");
    fs::permissions(folder.path() / "k", fs::perms::owner_read | fs::perms::group_read);
    EXPECT_FALSE(PemFile("key", folder.file("k")).open_to_all());
    fs::permissions(folder.path() / "k", fs::perms::others_read, fs::perm_options::add);
    EXPECT_TRUE(PemFile("key", folder.file("k")).open_to_all());
}

TEST(PemFiles, DigestTellsEveryFileApart) {
    const auto digest = [](const char* key, const char* cert, const char* chain, const char* ca) {
        PemFiles files;
        files.key = PemFile("key", "k", key);
        files.cert = PemFile("cert", "c", cert);
        files.chain = PemFile("chain", "h", chain);
        files.ca = PemFile("ca", "a", ca);
        return files.digest();
    };
    EXPECT_EQ(digest("1", "2", "3", "4"), digest("1", "2", "3", "4"));
    EXPECT_NE(digest("1", "2", "3", "4"), digest("12", "", "3", "4"));
    EXPECT_NE(digest("1", "2", "3", "4"), digest("1", "2", "4", "3"));
}

}  // namespace
}  // namespace hpfeeds::net
