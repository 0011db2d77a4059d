// SPDX-License-Identifier: Apache-2.0
// Peers that are not what the user thinks, each with the diagnosis it gets.
#include "doctor.hpp"

#include "hpfeeds/error.hpp"
#include "unit/apps/console_fixture.hpp"
#include "unit/apps/scripts.hpp"
#include "unit/client/tls_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <vector>

namespace hpfeeds::cli {
namespace {

using namespace testing;
using client::testing::CertificateFiles;
using client::testing::TlsPeer;
using ::testing::HasSubstr;
using ::testing::Not;

// Without a login, unless a test asks for one.
ClientOptions examined(std::uint16_t port) {
    ClientOptions options = options_for(port);
    options.ident.clear();
    options.channels.clear();
    return options;
}

struct Examined {
    int status;
    std::string out;
};
Examined examine(const ClientOptions& client, const DoctorOptions& options = {}) {
    const CapturedConsole captured;
    const int status = doctor(client, options, captured.console());
    EXPECT_EQ(captured.err(), "");
    return {status, captured.out()};
}

// The doctor's first visit to a port only looks whether it opens.
const Script knocked = [](const Peer& peer) { peer.stay_silent(); };
const Script closes = [](const Peer&) {};
Script says(std::string words) {
    return [words = std::move(words)](const Peer& peer) {
        peer.send(words);
        peer.stay_silent();
    };
}
// Hears one login and everything behind it, then answers.
Script answers(std::string words) {
    return [words = std::move(words)](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_all());
        peer.send(words);
    };
}

// One handshake. OpenSSL's own sockets raise SIGPIPE when the doctor has gone.
Script tls_with(const CertificateFiles& files) {
    std::signal(SIGPIPE, SIG_IGN);
    return [&](const Peer& peer) { const TlsPeer shaken(files, peer.descriptor()); };
}

TEST(Doctor, FindsThatNobodyListens) {
    const DeadPort dead;
    const Examined result = examine(examined(dead.port()));
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_THAT(result.out, HasSubstr("FAIL  connect"));
    EXPECT_THAT(result.out, HasSubstr("nothing listens on this port"));
}

TEST(Doctor, FindsThatANameDoesNotExist) {
    ClientOptions client = examined(1);
    client.destination.host = "no-such-host.invalid";
    const Examined result = examine(client);
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_THAT(result.out, HasSubstr("FAIL  name       'no-such-host.invalid' has no address"));
    EXPECT_THAT(result.out, Not(HasSubstr("connect"))) << "nothing above can work";
}

TEST(Doctor, IsContentWithABrokerWhenItHasNoIdent) {
    ScriptedBroker broker({knocked, says(info("my\x1b broker", "1234"))});
    const Examined result = examine(examined(broker.port()));
    EXPECT_EQ(result.status, exit_done);
    EXPECT_THAT(result.out, HasSubstr("ok    greeting   the broker is called 'my\\x1b broker'"));
    EXPECT_THAT(result.out, HasSubstr("its nonce has 4 bytes"));
    EXPECT_THAT(result.out, HasSubstr("give -i IDENT"));
}

TEST(Doctor, KnowsAnSshServer) {
    ScriptedBroker broker({knocked, says("SSH-2.0-OpenSSH_9.2p1 Debian\r\n")});
    const Examined result = examine(examined(broker.port()));
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_THAT(result.out, HasSubstr("not an hpfeeds broker but an SSH server: it begins with "
                                      "'SSH-2.0-OpenSSH_9.2p1 Debian\\r\\n'"));
}

TEST(Doctor, ShowsWhatAnUnknownPeerSaysHarmlessly) {
    ScriptedBroker broker({knocked, says("\x1b[2J\x1b]0;owned\a")});
    const Examined result = examine(examined(broker.port()));
    EXPECT_THAT(result.out, HasSubstr("not an hpfeeds broker: it begins with '\\x1b[2J"));
    EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

TEST(Doctor, AsksWhoeverDoesNotGreetWhetherItSpeaksHttp) {
    ScriptedBroker broker({knocked, closes, closes, [](const Peer& peer) {
                               static_cast<void>(peer.read(18));
                               peer.send("HTTP/1.1 200 OK\r\n\r\n");
                           }});
    EXPECT_THAT(examine(examined(broker.port())).out,
                HasSubstr("FAIL  greeting   this is an HTTP server"));
}

TEST(Doctor, SaysThatAPeerIsSilent) {
    ScriptedBroker broker({knocked, knocked, knocked, knocked});
    ClientOptions client = examined(broker.port());
    client.timeout = std::chrono::milliseconds(100);
    EXPECT_THAT(examine(client).out, HasSubstr("nobody said a word"));
}

TEST(Doctor, SaysThatAPeerCloses) {
    ScriptedBroker broker({closes, closes, closes, closes});
    const Examined result = examine(examined(broker.port()));
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_THAT(result.out, HasSubstr("closed before a word was said"));
}

TEST(Doctor, FindsTlsBehindAPlainQuestion) {
    const CertificateFiles files("localhost", "127.0.0.1");
    const Script tls = tls_with(files);
    ScriptedBroker broker({knocked, closes, tls});
    EXPECT_THAT(examine(examined(broker.port())).out,
                HasSubstr("this port speaks TLS, and we came without"));
}

TEST(Doctor, FindsAPlainBrokerBehindTls) {
    ScriptedBroker broker({knocked, says(info("broker", "1234")), says(info("broker", "1234"))});
    ClientOptions client = examined(broker.port());
    client.destination.tls = true;
    EXPECT_THAT(examine(client).out,
                HasSubstr("FAIL  tls        an hpfeeds broker listens here, but without TLS"));
}

TEST(Doctor, SaysWhyACertificateIsNotTrusted) {
    const CertificateFiles files("broker.example", "127.0.0.1");
    const Script tls = tls_with(files);
    {
        ScriptedBroker broker({knocked, tls});
        ClientOptions client = examined(broker.port());
        client.destination.tls = true;
        const Examined result = examine(client);
        EXPECT_EQ(result.status, exit_failed);
        EXPECT_THAT(result.out, HasSubstr("not trusted"));
        EXPECT_THAT(result.out, HasSubstr("is for broker.example, 127.0.0.1; signed by itself"));
        EXPECT_THAT(result.out, HasSubstr("give it as --tlscert FILE"));
    }
    ScriptedBroker broker({knocked, tls});
    ClientOptions client = examined(broker.port());
    client.destination.host = "localhost";
    client.destination.tls = true;
    client.destination.trusted_file = files.certificate;
    EXPECT_THAT(examine(client).out, HasSubstr("not for 'localhost'"));
}

TEST(Doctor, SaysWhatARefusedLoginMeansAndNeverTheSecret) {
    ScriptedBroker broker(
        {knocked, says(info("broker", "1234")), answers(error("Authentication failed for me"))});
    ClientOptions client = options_for(broker.port());
    client.secret = "hush hush ";
    const Examined result = examine(client);
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_THAT(result.out, HasSubstr("FAIL  login"));
    EXPECT_THAT(result.out, HasSubstr("The secret begins or ends with a blank"));
    EXPECT_THAT(result.out, Not(HasSubstr("hush")));
    EXPECT_THAT(result.out, Not(HasSubstr("subscribe  ")));
}

TEST(Doctor, ABrokerThatNeitherRefusesNorClosesIsANote) {
    const Script never_closes = [](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_all());
        peer.hang();
    };
    ScriptedBroker broker({knocked, says(info("broker", "1234")), never_closes});
    ClientOptions client = options_for(broker.port());
    client.channels.clear();
    client.timeout = std::chrono::milliseconds(100);
    const Examined result = examine(client);
    EXPECT_EQ(result.status, exit_done);
    EXPECT_THAT(result.out, HasSubstr("note  login"));
    EXPECT_THAT(result.out, HasSubstr("neither refused nor closed"));
}

TEST(Doctor, AProbeThatDoesNotComeBackIsAFailure) {
    const Script swallows = [](const Peer& peer) {
        static_cast<void>(greet(peer));
        static_cast<void>(peer.read_all());
    };
    ScriptedBroker broker(
        {knocked, says(info("broker", "1234")), answers(""), answers(""), swallows});
    ClientOptions client = options_for(broker.port());
    client.timeout = std::chrono::milliseconds(200);
    DoctorOptions options;
    options.publish_channels = {"chan"};
    options.listen = {};
    const Examined result = examine(client, options);
    EXPECT_EQ(result.status, exit_failed);
    EXPECT_THAT(result.out, HasSubstr("FAIL  round trip chan: a probe was published and did not"));
}

TEST(Doctor, NothingIsPublishedUnlessAChannelIsNamedForIt) {
    std::string heard;
    const Script records = [&](const Peer& peer) {
        static_cast<void>(greet(peer));
        heard += peer.read_all();
    };
    {
        ScriptedBroker broker({knocked, says(info("broker", "1234")), records, records, records});
        DoctorOptions options;
        options.listen = {};
        EXPECT_EQ(examine(options_for(broker.port()), options).status, exit_done);
    }
    EXPECT_EQ(heard, subscribe("me", "chan"));
}

TEST(Doctor, StopsWhenItIsTold) {
    ScriptedBroker broker({knocked, knocked});
    const CapturedConsole captured;
    captured.ask_to_stop();
    EXPECT_EQ(doctor(examined(broker.port()), {}, captured.console()), exit_failed);
}

}  // namespace
}  // namespace hpfeeds::cli
