// SPDX-License-Identifier: Apache-2.0
// TLS endpoints: who may connect how, who is turned away with which words, and what strangers can
// do to the door. That TLS carries the protocol unharmed is shown by the other tests, which run
// over TLS once more (CMakeLists.txt).
#include "support/broker_process.hpp"
#include "support/certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::support {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

BrokerSetup tls_setup(std::vector<std::string> arguments = {}) {
    return {.arguments = std::move(arguments), .endpoints = {any_tls_port}};
}

void expect_exchange(const Address& address) {
    WireClient client(address, both);
    client.subscribe("events");
    client.publish("events", "over TLS");
    client.expect_message({"both", "events", "over TLS"});
}

// The endpoint as somebody sees it who knows nothing of TLS.
Address without_tls(Address address) {
    address.tls.reset();
    return address;
}

Address with_version(Address address, int version) {
    address.tls->version = version;
    return address;
}

std::string port_of(const BrokerProcess& broker) {
    return std::to_string(broker.address().port);
}

// ---- who connects ----

TEST(TlsEndpoint, ServesBothVersionsOfTls) {
    const BrokerProcess broker(tls_setup());
    for (const int version : {tls12, tls13})
        expect_exchange(with_version(broker.address(), version));
}

TEST(TlsEndpoint, ServesRsaAndEcdsa) {
    for (const bool rsa : {false, true}) {
        const Identity identity = make_identity({.rsa = rsa});
        BrokerSetup setup = tls_setup();
        setup.files = {{"broker.key", identity.key}, {"broker.crt", identity.certificate}};
        const BrokerProcess broker(setup);
        expect_exchange(broker.address());
    }
}

TEST(TlsEndpoint, GreetsAsSoonAsTheHandshakeIsDone) {
    const BrokerProcess broker(tls_setup());
    WireClient client(broker.address());
    EXPECT_EQ(client.expect_info().name, "hpfeeds");
}

TEST(TlsEndpoint, StandsBesideAPlainOne) {
    const BrokerProcess broker({.endpoints = {any_tls_port, any_port}, .listeners = 2});
    WireClient listener(broker.address(0), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(1), sensor);
    publisher.publish("events", "from plain to TLS");
    listener.expect_message({"sensor", "events", "from plain to TLS"});
}

TEST(TlsEndpoint, HandsConnectionsToEveryShard) {
    const BrokerProcess broker(tls_setup({"--threads", "3"}));
    WireClient publisher(broker.address(), sensor);
    std::vector<std::unique_ptr<WireClient>> listeners;
    for (int count = 0; count < 6; ++count) {
        listeners.push_back(std::make_unique<WireClient>(broker.address(), logger));
        listeners.back()->subscribe("events");
        wait_until_subscribed(publisher, *listeners.back(), "events");
        listeners.back()->unsubscribe("events");
        listeners.back()->settle();
    }
}

TEST(TlsEndpoint, IsWhatLegacyBindWithACertificateIs) {
    const BrokerProcess broker({.arguments = {"--bind", "127.0.0.1:0", "--tlscert", "broker.crt",
                                              "--tlskey", "broker.key"},
                                .endpoints = {}});
    ASSERT_TRUE(broker.address().tls) << "the line `listening` says so";
    expect_exchange(broker.address());
}

TEST(TlsEndpoint, IsReachedByTheCommandLineClient) {
    const BrokerProcess broker(tls_setup());
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    const std::vector<std::string> login{"-p", port_of(broker), "-i", "sensor",
                                         "-s", "sensor-secret", "-c", "events"};
    Command command;
    command.directory = broker.directory().path();
    command.words = {
        command_line_client_binary(), "publish", "--host", "localhost", "--tlscert", "broker.crt"};
    command.words.insert(command.words.end(), login.begin(), login.end());
    command.words.emplace_back("with --tlscert");
    EXPECT_EQ(run(command).ended, (Ended{0, 0}));
    listener.expect_message({"sensor", "events", "with --tlscert"});

    // --tls trusts the system's authorities, wherever OpenSSL is told they are.
    command.words = {command_line_client_binary(), "publish", "--host", "localhost", "--tls"};
    command.words.insert(command.words.end(), login.begin(), login.end());
    command.words.emplace_back("with --tls");
    command.environment = {{"SSL_CERT_FILE", broker.directory().file("broker.crt")}};
    EXPECT_EQ(run(command).ended, (Ended{0, 0}));
    listener.expect_message({"sensor", "events", "with --tls"});

    command.environment = {{"SSL_CERT_FILE", "/dev/null"}};
    EXPECT_NE(run(command).ended, (Ended{0, 0})) << "nobody vouches for the broker";
    EXPECT_EQ(
        broker.wait_for_log({"TLS handshake failed", "reason=peer-refused"}).field("endpoint"),
        any_tls_port);
}

// ---- openssl s_client ----

// What s_client says of one connection; the broker ends it at the login deadline.
std::string s_client(const BrokerProcess& broker, const std::vector<std::string>& more) {
    Command command;
    command.directory = broker.directory().path();
    command.words = {"openssl", "s_client",   "-connect", "127.0.0.1:" + port_of(broker),
                     "-CAfile", "broker.crt", "-ign_eof"};
    command.words.insert(command.words.end(), more.begin(), more.end());
    const Finished finished = run(command);
    return finished.out + finished.err;
}

const std::vector<std::string> short_deadline{"--login-deadline", "300ms"};

TEST(OpensslClient, SeesTheGreetingUnderBothVersions) {
    const BrokerProcess broker(tls_setup(short_deadline));
    EXPECT_THAT(
        s_client(broker, {"-tls1_2"}),
        AllOf(HasSubstr("New, TLSv1.2, Cipher is ECDHE"), HasSubstr("hpfeeds"),
              HasSubstr("Verify return code: 0 (ok)"),
              HasSubstr("Secure Renegotiation IS supported"), HasSubstr("Compression: NONE")));
    EXPECT_THAT(s_client(broker, {"-tls1_3"}),
                AllOf(HasSubstr("New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
                      HasSubstr("hpfeeds"), HasSubstr("Verify return code: 0 (ok)")));
}

TEST(OpensslClient, ResumesItsSession) {
    const BrokerProcess broker(tls_setup(short_deadline));
    for (const char* version : {"-tls1_2", "-tls1_3"}) {
        EXPECT_THAT(s_client(broker, {version, "-sess_out", "session"}), HasSubstr("New, TLS"));
        EXPECT_THAT(s_client(broker, {version, "-sess_in", "session"}), HasSubstr("Reused, TLS"));
    }
    // Sessions without tickets are TLS 1.2 alone; s_client reconnects five times by itself.
    const std::string text = s_client(broker, {"-tls1_2", "-no_ticket", "-reconnect"});
    std::size_t reused = 0;
    for (std::size_t at = text.find("Reused, "); at != std::string::npos;
         at = text.find("Reused, ", at + 1))
        ++reused;
    EXPECT_EQ(reused, 5U);
}

TEST(OpensslClient, IsRefusedOldVersionsAndWeakCiphers) {
    const BrokerProcess broker(tls_setup(short_deadline));
    EXPECT_THAT(s_client(broker, {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}),
                HasSubstr("Cipher is (NONE)"));
    EXPECT_THAT(s_client(broker, {"-tls1_2", "-cipher", "AES256-SHA"}),
                HasSubstr("Cipher is (NONE)"));
    broker.wait_for_log({"TLS handshake failed", "reason=no-agreement"});
}

TEST(OpensslClient, IsRefusedARenegotiation) {
    const BrokerProcess broker(tls_setup({"--login-deadline", "2s"}));
    Command command;
    command.directory = broker.directory().path();
    command.words = {"openssl", "s_client",   "-connect", "127.0.0.1:" + port_of(broker),
                     "-CAfile", "broker.crt", "-tls1_2"};
    command.input = "R\n";
    const Finished finished = run(command);
    const std::string text = finished.out + finished.err;
    ASSERT_THAT(text, HasSubstr("RENEGOTIATING"));
    // "no renegotiation", or "unexpected record" when the greeting comes first.
    EXPECT_THAT(text.substr(text.find("RENEGOTIATING")), HasSubstr(":error:"));
    expect_exchange(broker.address());
}

// ---- client certificates ----

class ClientCertificates : public testing::Test {
protected:
    ClientCertificates() {
        setup = tls_setup({"--auth-failure-delay", "0"});
        setup.files = {{"ca.pem", authority.certificate},
                       {"sensor.crt", certified.certificate},
                       {"sensor.key", certified.key},
                       {"foreign.crt", foreign.certificate},
                       {"foreign.key", foreign.key}};
    }
    void start(const std::string& fields) {
        setup.endpoints = {any_tls_port + fields};
        broker = std::make_unique<BrokerProcess>(setup);
    }
    [[nodiscard]] Address showing(const std::string& name, int version = 0) const {
        Address address = broker->address();
        address.tls->certificate_file = broker->directory().file(name + ".crt");
        address.tls->key_file = broker->directory().file(name + ".key");
        address.tls->version = version;
        return address;
    }

    Identity authority = make_identity({.name = "authority", .authority = true});
    Identity certified = make_identity({.name = "sensor", .issuer = &authority});
    Identity foreign = make_identity({.name = "sensor"});
    BrokerSetup setup;
    std::unique_ptr<BrokerProcess> broker;
};

// With TLS 1.3 a client may think itself connected before the broker has looked at its certificate.
bool is_greeted(const Address& address) {
    try {
        WireClient client(address);
        client.expect_info();
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

TEST_F(ClientCertificates, AreAskedForAndVerified) {
    start(":ca=ca.pem");
    for (const int version : {tls12, tls13}) {
        EXPECT_TRUE(is_greeted(showing("sensor", version)));
        EXPECT_FALSE(is_greeted(with_version(broker->address(), version)));
        EXPECT_FALSE(is_greeted(showing("foreign", version)));
    }
    broker->wait_for_log({"TLS handshake failed", "reason=no-certificate"});
    broker->wait_for_log({"TLS handshake failed", "reason=bad-certificate", "self-signed"});
    expect_exchange(showing("sensor"));  // without ident=cn it may log in as anybody
}

TEST_F(ClientCertificates, BindTheIdent) {
    start(":ca=ca.pem:ident=cn");
    WireClient right(showing("sensor"), sensor);
    right.publish("events", "as itself");
    right.settle();

    WireClient wrong(showing("sensor"), both);
    wrong.expect_refusal("Authentication failed for both");
    const LogLine line = broker->wait_for_log({"login refused", "reason=certificate-mismatch"});
    EXPECT_EQ(line.field("ident"), "both");
    EXPECT_EQ(line.field("certificate_name"), "sensor");

    // Nor may it change its mind.
    right.auth(both);
    right.expect_refusal("Authentication failed for both");
}

TEST_F(ClientCertificates, BindTheIdentOfAResumedSession) {
    start(":ca=ca.pem:ident=cn");
    for (const int version : {tls12, tls13}) {
        WireClient first(showing("sensor", version), sensor);
        first.settle();
        Address again = showing("sensor", version);
        again.tls->session = first.tls()->session();
        WireClient wrong(again, both);
        EXPECT_TRUE(wrong.tls()->resumed());
        wrong.expect_refusal("Authentication failed for both");
        WireClient right(again, sensor);
        right.settle();
    }
}

// ---- those who do not speak TLS, and those who do where nobody else does ----

TEST(MixedUp, APlainClientThatWaitsIsToldApartAtTheDeadline) {
    const BrokerProcess broker(tls_setup(short_deadline));
    WireClient waiting(without_tls(broker.address()));
    waiting.expect_closed();
    const LogLine line = broker.wait_for_log({"TLS handshake failed", "reason=silent"});
    EXPECT_EQ(line.field("peer"), waiting.local_address());
    EXPECT_EQ(line.field("endpoint"), any_tls_port);
    EXPECT_THAT(line.field("why"), HasSubstr("client without TLS waits here"));
    EXPECT_THAT(line.head, HasSubstr(" info "));
}

TEST(MixedUp, APlainClientThatSpeaksIsToldApartAtOnce) {
    const BrokerProcess broker(tls_setup());
    for (const auto& [words, reason] : std::vector<std::pair<std::string, std::string>>{
             {auth_frame("1234", "sensor", "secret"), "plain-hpfeeds"},
             {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "plain-http"},
             {"SSH-2.0-OpenSSH_9.2\r\n", "not-tls"}}) {
        WireClient client(without_tls(broker.address()));
        client.send(words);
        client.expect_closed();
        const LogLine line = broker.wait_for_log({"TLS handshake failed", "reason=" + reason});
        EXPECT_EQ(line.field("peer"), client.local_address());
        EXPECT_THAT(line.head, HasSubstr(" warning "));
    }
}

TEST(MixedUp, ATlsClientOnAPlainPortIsToldApart) {
    const BrokerProcess broker({.endpoints = {any_port, any_tls_port}, .listeners = 2});
    Address plain = broker.address(0);
    if (over_tls()) GTEST_SKIP() << "there is no plain endpoint";
    const TlsTerms terms{.trusted_file = broker.directory().file("broker.crt")};
    TlsSide side(terms);
    (void)side.shake_hands();
    WireClient client(plain);
    client.expect_info();
    client.send(side.take_output());
    client.expect_closed();
    const LogLine line = broker.wait_for_log({"protocol error", "reason=tls-handshake"});
    EXPECT_EQ(line.field("peer"), client.local_address());
    EXPECT_THAT(line.field("why"), HasSubstr("it needs a tls: endpoint"));
}

// client-quirk 8
TEST(MixedUp, ABareProbeIsNoFailure) {
    BrokerProcess broker(tls_setup({"--debug"}));
    for (int count = 0; count < 20; ++count) {
        WireClient probe(without_tls(broker.address()));
        if (count % 2 == 0) {
            probe.reset();
        } else {
            probe.close();
        }
    }
    expect_exchange(broker.address());
    EXPECT_EQ(broker.stop(), 0);
    EXPECT_THAT(broker.log(), AllOf(HasSubstr("reason=probe"), Not(HasSubstr(" warning ")),
                                    Not(HasSubstr(" error "))));
}

// ---- strangers at the door ----

// What a client would begin with.
std::string client_hello(const BrokerProcess& broker) {
    TlsSide side(TlsTerms{.trusted_file = broker.directory().file("broker.crt")});
    (void)side.shake_hands();
    return side.take_output();
}

TEST(Door, EndsHandshakesThatAreNotFinishedInTime) {
    const BrokerProcess broker(tls_setup(short_deadline));
    const std::string hello = client_hello(broker);
    std::vector<std::unique_ptr<WireClient>> halves;
    for (std::size_t have = 1; have < hello.size(); have += 16) {
        halves.push_back(std::make_unique<WireClient>(without_tls(broker.address())));
        halves.back()->send(hello.substr(0, have));
    }
    for (auto& half : halves)
        half->expect_closed();
    broker.wait_for_log({"TLS handshake failed", "reason=deadline"});
    expect_exchange(broker.address());
}

TEST(Door, ReadsAClientHelloByteByByte) {
    const BrokerProcess broker(tls_setup());
    TlsSide side(TlsTerms{.trusted_file = broker.directory().file("broker.crt")});
    (void)side.shake_hands();
    WireClient slow(without_tls(broker.address()));
    for (const char byte : side.take_output())
        slow.send({&byte, 1});
    // The broker's answer begins with a record of type 22.
    std::string answer(1, '\0');
    ASSERT_EQ(::recv(slow.descriptor(), answer.data(), 1, 0), 1);
    EXPECT_EQ(answer, "\x16");
}

TEST(Door, ShrugsAtGarbage) {
    const BrokerProcess broker(tls_setup());
    std::mt19937 chance(std::random_device{}());
    const std::string hello = client_hello(broker);
    for (int count = 0; count < 300; ++count) {
        std::string garbage = hello;
        for (int changes = 0; changes < 8; ++changes)
            garbage[chance() % garbage.size()] = static_cast<char>(chance());
        if (count % 3 == 0) garbage = "\x16\x03" + garbage.substr(chance() % garbage.size());
        WireClient client(without_tls(broker.address()));
        client.send(garbage);
        client.half_close();
        (void)client.read_raw_to_end();
    }
    expect_exchange(broker.address());
}

TEST(Door, CountsAgainstTheLimitOfConnections) {
    const BrokerProcess broker({.arguments = {"--max-connections", "5"},
                                .endpoints = {any_tls_port, any_port},
                                .listeners = 2});
    {
        std::vector<std::unique_ptr<WireClient>> silent;
        for (int count = 0; count < 5; ++count)
            silent.push_back(std::make_unique<WireClient>(without_tls(broker.address(0))));
        WireClient sixth(without_tls(broker.address(0)));
        sixth.expect_closed();
        broker.wait_for_log({"connection refused", "reason=connections-full"});
        if (!over_tls()) {
            WireClient plain(broker.address(1));
            plain.expect_closed();
        }
    }
    const Deadline deadline;
    for (bool served = false; !served;) {
        try {
            expect_exchange(broker.address(0));
            served = true;
        } catch (const std::exception&) {
            ASSERT_FALSE(deadline.passed()) << "no room was made again";
        }
    }
}

// net/limits.hpp: handshakes_max. Whoever floods the door pushes himself out.
TEST(Door, LetsTheOldestGoWhenItIsCrowded) {
    constexpr std::size_t handshakes_max = 2'048;
    const BrokerProcess broker(tls_setup({"--login-deadline", "10m"}));
    WireClient oldest(without_tls(broker.address()));
    std::vector<WireClient> crowd;
    for (std::size_t count = 0; count < handshakes_max; ++count)
        crowd.emplace_back(without_tls(broker.address()));
    oldest.expect_closed();
    const LogLine line = broker.wait_for_log({"TLS handshake failed", "reason=crowded-out"});
    EXPECT_EQ(line.field("endpoint"), any_tls_port);
    expect_exchange(broker.address());
}

TEST(Door, DoesNotStarvePlainTrafficWhenItIsStormed) {
    const BrokerProcess broker({.endpoints = {any_port, any_tls_port}, .listeners = 2});
    WireClient listener(broker.address(0), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(0), sensor);
    std::atomic<bool> over{false};
    std::atomic<int> handshakes{0};
    std::vector<std::thread> storm;
    for (int count = 0; count < 4; ++count)
        storm.emplace_back([&] {
            while (!over) {
                const WireClient client(broker.address(1));
                ++handshakes;
            }
        });
    int sent = 0;
    const Deadline deadline(std::chrono::seconds(60));
    for (; (sent < 1'000 || handshakes < 50) && !deadline.passed(); ++sent) {
        const std::string number = std::to_string(sent);
        publisher.publish("events", number);
        listener.expect_message({"sensor", "events", number});
    }
    over = true;
    for (std::thread& thread : storm)
        thread.join();
    EXPECT_GE(sent, 1'000);
    EXPECT_GE(handshakes, 50);
}

TEST(Door, ClosesPromptlyAtTheEnd) {
    BrokerProcess broker(tls_setup({"--login-deadline", "10m", "--shutdown-grace", "30s"}));
    const std::string hello = client_hello(broker);
    std::vector<std::unique_ptr<WireClient>> halves;
    for (int count = 0; count < 50; ++count) {
        halves.push_back(std::make_unique<WireClient>(without_tls(broker.address())));
        halves.back()->send(hello.substr(0, static_cast<std::size_t>(count) * 4));
    }
    WireClient session(broker.address(), both);
    session.settle();
    EXPECT_EQ(broker.stop(), 0);
    session.expect_closed();
    EXPECT_TRUE(session.tls()->heard_goodbye()) << "close_notify";
    for (auto& half : halves)
        half->expect_closed();
}

// ---- connections as they end ----

TEST(TlsSession, AnswersAGoodbyeWithOne) {
    const BrokerProcess broker(tls_setup());
    for (const int version : {tls12, tls13}) {
        WireClient client(with_version(broker.address(), version), both);
        client.settle();
        client.half_close();
        client.expect_closed();
        EXPECT_TRUE(client.tls()->heard_goodbye());
    }
}

TEST(TlsSession, SaysGoodbyeBehindAnError) {
    const BrokerProcess broker(tls_setup());
    WireClient client(broker.address(), sensor);
    client.publish("forbidden", "x");
    client.expect_error("Authkey not allowed to pub here. ident=sensor, chan=forbidden");
    client.expect_closed();
    EXPECT_TRUE(client.tls()->heard_goodbye());
}

TEST(TlsSession, IsCutByARecordThatWasTamperedWith) {
    const BrokerProcess broker(tls_setup());
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.settle();
    client.publish("events", "good");
    client.tls()->encrypt(publish_frame("sensor", "events", "evil"));
    std::string record = client.tls()->take_output();
    record.back() = static_cast<char>(record.back() ^ 1);
    ASSERT_EQ(::send(client.descriptor(), record.data(), record.size(), 0),
              static_cast<ssize_t>(record.size()));
    client.expect_closed();
    listener.expect_message({"sensor", "events", "good"});
    listener.settle();  // and nothing of the other
}

TEST(TlsSession, SurvivesKeyUpdatesInBothDirections) {
    const BrokerProcess broker(tls_setup());
    WireClient client(with_version(broker.address(), tls13), both);
    client.subscribe("events");
    for (int count = 0; count < 50; ++count) {
        client.tls()->change_keys(count % 2 == 0);
        client.publish("events", std::to_string(count));
        client.expect_message({"both", "events", std::to_string(count)});
    }
}

// A subscriber that reads in fits and starts, while drop-oldest takes frames of all sizes from its
// queue: what it gets are whole frames, byte for byte and in order.
TEST(TlsSession, IsNeverCorruptedByDroppedFrames) {
    const BrokerProcess broker({.arguments = {"--slow-policy", "drop-oldest", "--slow-high-mark",
                                              "64K", "--max-queue", "1025K"},
                                .endpoints = {any_tls_port}});
    WireClient reader(broker.address(), logger, 4096);
    reader.subscribe("events");
    reader.settle();
    WireClient publisher(broker.address(), sensor);
    std::mt19937 chance(std::random_device{}());
    const auto payload = [](int number, std::size_t bytes) {
        return std::to_string(number) + ":" +
               std::string(bytes, static_cast<char>('a' + number % 26));
    };
    int last = -1, heard = 0;
    constexpr int messages = 3'000;
    const auto hear = [&](const Message& message) {
        const int number = std::stoi(message.payload);
        ASSERT_GT(number, last);
        last = number;
        ++heard;
        const std::size_t head = message.payload.find(':') + 1;
        ASSERT_EQ(message.payload, payload(number, message.payload.size() - head));
    };
    for (int number = 0; number < messages; ++number) {
        publisher.publish("events", payload(number, chance() % 60'000));
        if (number % 10 != 0) continue;
        if (const auto received = reader.poll_frame(std::chrono::milliseconds(0)))
            hear(as_message(*received));
        if (HasFatalFailure()) return;
    }
    publisher.publish("events", payload(messages, 1));
    while (last != messages) {
        hear(reader.expect_message());
        if (HasFatalFailure()) return;
    }
    EXPECT_LT(heard, messages) << "nothing was dropped, so nothing was tested";
}

TEST(TlsSession, CarriesLargeFramesUnharmed) {
    const BrokerProcess broker(tls_setup());
    std::mt19937_64 chance(7);
    std::string noise(1'000'000, '\0');
    std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(chance()); });
    for (const int version : {tls12, tls13}) {
        WireClient listener(with_version(broker.address(), version), logger);
        listener.subscribe("events");
        listener.settle();
        WireClient publisher(with_version(broker.address(), version), sensor);
        std::thread sender([&] {
            for (std::size_t count = 0; count < 60; ++count)
                publisher.publish("events", std::string_view(noise).substr(count * 1'000));
        });
        for (std::size_t count = 0; count < 60; ++count)
            EXPECT_EQ(listener.expect_message().payload,
                      std::string_view(noise).substr(count * 1'000));
        sender.join();
    }
}

}  // namespace
}  // namespace hpfeeds::support
