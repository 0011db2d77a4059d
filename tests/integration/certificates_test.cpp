// SPDX-License-Identifier: Apache-2.0
// The files of a TLS endpoint: what a broker refuses to start with, and how a new pair takes the
// old one's place while it runs.
#include "support/certificates.hpp"
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

// ---- at the start ----

struct BadFiles {
    std::string name;
    std::function<void(const TemporaryDirectory&)>
        spoil;  // a good broker.key and broker.crt are there
    std::vector<std::string> said;
    std::string fields{};
};

void PrintTo(const BadFiles& bad, std::ostream* out) {
    *out << bad.name;
}

class Start : public testing::TestWithParam<BadFiles> {};

TEST_P(Start, IsRefusedWithOneClearLine) {
    const TemporaryDirectory directory;
    const Identity identity = make_identity();
    write_file(directory.path() / "broker.key", identity.key);
    write_file(directory.path() / "broker.crt", identity.certificate);
    GetParam().spoil(directory);
    const std::string endpoint = any_tls_port + GetParam().fields;
    const Finished finished =
        run(broker_command({"-e", any_port, "-e", endpoint, "--auth", "env"}, directory));
    EXPECT_EQ(finished.ended, (Ended{1, 0}));
    const std::string line = finished.err.substr(finished.err.rfind("hpfeeds-broker: "));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    EXPECT_THAT(line, HasSubstr("cannot serve " + endpoint + ": "));
    for (const std::string& part : GetParam().said)
        EXPECT_THAT(line, HasSubstr(part));
    EXPECT_EQ(finished.err.find(" listening "), std::string::npos) << "nothing is served";
}

void cut_in_half(const fs::path& path) {
    const std::string whole = read_file(path);
    write_file(path, whole.substr(0, whole.size() / 2));
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, Start,
    testing::Values(
        BadFiles{"NoKey",
                 [](const auto& in) { fs::remove(in.path() / "broker.key"); },
                 {"key 'broker.key': cannot be read", "is the path right?"}},
        BadFiles{"NoCertificate",
                 [](const auto& in) { fs::remove(in.path() / "broker.crt"); },
                 {"cert 'broker.crt': cannot be read"}},
        BadFiles{"KeyOfAnother",
                 [](const auto& in) { write_file(in.path() / "broker.key", make_identity().key); },
                 {"key 'broker.key': does not belong to cert 'broker.crt'", "must be a pair"}},
        BadFiles{"HalfAKey",
                 [](const auto& in) { cut_in_half(in.path() / "broker.key"); },
                 {"key 'broker.key': is not complete"}},
        BadFiles{"HalfACertificate",
                 [](const auto& in) { cut_in_half(in.path() / "broker.crt"); },
                 {"cert 'broker.crt': is not complete"}},
        BadFiles{"GarbageForACertificate",
                 [](const auto& in) { write_file(in.path() / "broker.crt", "garbage"); },
                 {"cert 'broker.crt': holds no certificate in PEM"}},
        BadFiles{"EncryptedKey",
                 [](const auto& in) {
                     const Identity identity = make_identity();
                     write_file(in.path() / "broker.key", encrypted_key(identity, "passphrase"));
                     write_file(in.path() / "broker.crt", identity.certificate);
                 },
                 {"key 'broker.key': is encrypted", "openssl pkey"}},
        BadFiles{"FolderForAKey",
                 [](const auto& in) {
                     fs::remove(in.path() / "broker.key");
                     fs::create_directory(in.path() / "broker.key");
                 },
                 {"key 'broker.key': is not a file"}},
        BadFiles{"NoChain",
                 [](const auto&) {},
                 {"chain 'chain.pem': cannot be read"},
                 ":chain=chain.pem"},
        BadFiles{"GarbageForAuthorities",
                 [](const auto& in) { write_file(in.path() / "ca.pem", "garbage"); },
                 {"ca 'ca.pem': holds no certificate in PEM"},
                 ":ca=ca.pem"}),
    [](const auto& bad) { return bad.param.name; });

BrokerSetup setup_with(const Identity& identity) {
    return {.arguments = {"--exporter", "127.0.0.1:0"},
            .endpoints = {any_tls_port},
            .files = {{"broker.key", identity.key}, {"broker.crt", identity.certificate}}};
}

// Whoever must start a broker again has no time for a certificate; clients will complain.
TEST(Certificates, AnExpiredOneIsServedAtTheStartWithAWarning) {
    for (const CertificateWish& wish :
         {CertificateWish{.begins_in = -48h, .ends_in = -24h}, CertificateWish{.begins_in = 24h}}) {
        const BrokerProcess broker(setup_with(make_identity(wish)));
        const LogLine line = broker.wait_for_log({"clients will refuse the certificate"});
        EXPECT_THAT(line.head, HasSubstr(" warning "));
        EXPECT_THAT(line.field("reason"), HasSubstr("cert 'broker.crt': "));
        EXPECT_THROW(WireClient(broker.address()), std::runtime_error) << "as this one does";
    }
}

TEST(Certificates, AKeyThatEverybodyCanReadIsWarnedOf) {
    BrokerSetup setup = setup_with(make_identity());
    const BrokerProcess quiet(setup);
    EXPECT_EQ(quiet.log().find("private key is not private"), std::string::npos);
    setup.endpoints = {"tls:interface=127.0.0.1:port=0:key=open.key:cert=broker.crt"};
    setup.files[0].first = "open.key";  // written with everybody's permissions
    const BrokerProcess broker(setup);
    EXPECT_THAT(broker.wait_for_log({"private key is not private"}).field("reason"),
                HasSubstr("key 'open.key'"));
}

// ---- rolling over ----

// A broker whose clients trust one authority, which signs every certificate it will show.
class RollOver : public testing::Test {
protected:
    RollOver() { write_file(folder.path() / "ca.pem", authority.certificate); }

    [[nodiscard]] Identity another(const CertificateWish& wish = {}) const {
        CertificateWish signed_one = wish;
        signed_one.issuer = &authority;
        return make_identity(signed_one);
    }
    void start() {
        broker = std::make_unique<BrokerProcess>(BrokerSetup{
            .endpoints = {"tls:interface=127.0.0.1:port=0:key=" + folder.file("live/privkey.pem") +
                          ":cert=" + folder.file("live/fullchain.pem")}});
        before = shown();
    }
    void put(const fs::path& name, const std::string& text) const {
        write_file(folder.path() / name, text);
    }
    void put_pair(const Identity& identity, const fs::path& in = "live") const {
        put(in / "privkey.pem", identity.key);
        put(in / "fullchain.pem", identity.certificate);
    }
    void rename_over(const std::string& name, const std::string& text) const {
        put("live/new", text);
        fs::rename(folder.path() / "live/new", folder.path() / "live" / name);
    }
    [[nodiscard]] Address address() const {
        Address address = broker->address();
        address.tls->trusted_file = folder.file("ca.pem");
        return address;
    }
    // The serial number of the certificate that a new client sees.
    [[nodiscard]] std::string shown() const {
        WireClient client(address());
        client.expect_info();
        return client.tls()->peer_serial();
    }
    // A new certificate is shown some time after it was written; every client meanwhile is served.
    void expect_another() {
        const Deadline deadline;
        while (shown() == before)
            ASSERT_FALSE(deadline.passed()) << "the old certificate is still shown";
        before = shown();
    }
    void expect_refused(const std::vector<std::string>& parts) const {
        std::vector<std::string> wanted{"the certificate was not taken over"};
        wanted.insert(wanted.end(), parts.begin(), parts.end());
        EXPECT_THAT(broker->wait_for_log(wanted).head, HasSubstr(" error "));
        EXPECT_EQ(shown(), before);
    }

    TemporaryDirectory folder;
    Identity authority = make_identity({.name = "authority", .authority = true});
    std::unique_ptr<BrokerProcess> broker;
    std::string before;
};

class RollOverInPlace : public RollOver {
protected:
    RollOverInPlace() {
        fs::create_directory(folder.path() / "live");
        put_pair(another());
        start();
    }
};

TEST_F(RollOverInPlace, HappensWhenTheFilesAreWrittenInPlace) {
    put_pair(another());
    expect_another();
    broker->wait_for_log({"certificate rolled over"});
}

TEST_F(RollOverInPlace, HappensWhenTheFilesAreRenamedOver) {
    for (int round = 0; round < 3; ++round) {
        const Identity next = another();
        rename_over("privkey.pem", next.key);
        rename_over("fullchain.pem", next.certificate);
        expect_another();
    }
}

TEST_F(RollOverInPlace, WaitsForTheOtherHalfWhicheverComesFirst) {
    Identity next = another();
    rename_over("privkey.pem", next.key);
    expect_refused({"privkey.pem'", "does not belong to cert"});
    rename_over("fullchain.pem", next.certificate);
    expect_another();

    next = another({.rsa = true});
    rename_over("fullchain.pem", next.certificate);
    expect_refused({"does not belong to cert"});
    rename_over("privkey.pem", next.key);
    expect_another();
}

TEST_F(RollOverInPlace, LeavesLiveSessionsAlone) {
    WireClient listener(address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(address(), sensor);
    publisher.settle();
    put_pair(another());
    expect_another();
    publisher.publish("events", "under the old certificate");
    listener.expect_message({"sensor", "events", "under the old certificate"});
    EXPECT_NE(listener.tls()->peer_serial(), before);
}

TEST_F(RollOverInPlace, LetsSessionsBeResumed) {
    for (const int version : {tls12, tls13}) {
        Address again = address();
        again.tls->version = version;
        {
            WireClient first(again, both);
            first.settle();
            again.tls->session = first.tls()->session();
        }
        put_pair(another());
        expect_another();
        WireClient second(again, both);
        second.settle();
        EXPECT_TRUE(second.tls()->resumed());
    }
}

TEST_F(RollOverInPlace, RefusesWhatCannotServeAndGoesOn) {
    const Identity good = another();
    put("live/fullchain.pem", good.certificate.substr(0, good.certificate.size() / 2));
    expect_refused({"fullchain.pem'", "is not complete"});
    put("live/fullchain.pem", "garbage");
    expect_refused({"holds no certificate in PEM"});
    fs::remove(folder.path() / "live/fullchain.pem");
    expect_refused({"cannot be read"});
    put_pair({encrypted_key(good, "passphrase"), good.certificate});
    expect_refused({"privkey.pem'", "is encrypted"});
    put_pair(another({.begins_in = -48h, .ends_in = -24h}));
    expect_refused({"fullchain.pem'", "expired on"});
    put_pair(another({.begins_in = 24h, .ends_in = 48h}));
    expect_refused({"is not valid before"});
    put_pair(good);
    expect_another();
}

TEST_F(RollOver, HappensWhenKubernetesSwapsItsLink) {
    // live/NAME -> ..data/NAME, and ..data -> the folder of one version.
    fs::create_directories(folder.path() / "live/..1");
    put_pair(another(), "live/..1");
    fs::create_directory_symlink("..1", folder.path() / "live/..data");
    for (const char* name : {"privkey.pem", "fullchain.pem"})
        fs::create_symlink(fs::path("..data") / name, folder.path() / "live" / name);
    start();
    for (const char* version : {"..2", "..3"}) {
        fs::create_directory(folder.path() / "live" / version);
        put_pair(another(), fs::path("live") / version);
        fs::create_directory_symlink(version, folder.path() / "live/..new");
        fs::rename(folder.path() / "live/..new", folder.path() / "live/..data");
        expect_another();
    }
}

TEST_F(RollOver, HappensWhenLetsEncryptPointsItsLinksElsewhere) {
    // live/NAME.pem -> ../archive/NAMEn.pem, one link after the other.
    fs::create_directory(folder.path() / "live");
    fs::create_directory(folder.path() / "archive");
    const auto issue = [&](int number) {
        const Identity next = another();
        for (const auto& [name, text] :
             {std::pair("privkey", next.key), std::pair("fullchain", next.certificate)}) {
            const std::string target = name + std::to_string(number) + ".pem";
            put("archive/" + target, text);
            const fs::path link = folder.path() / "live" / (std::string(name) + ".pem");
            fs::remove(link);
            fs::create_symlink("../archive/" + target, link);
        }
    };
    issue(1);
    start();
    for (const int number : {2, 3}) {
        issue(number);
        expect_another();
    }
}

}  // namespace
}  // namespace hpfeeds::support
