// SPDX-License-Identifier: Apache-2.0
// `hpfeeds doctor` against the real broker: each thing that keeps data away is named.
#include "support/broker_process.hpp"
#include "support/certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;
using testing::Not;

Finished doctor(const Address& broker, const Login& login, const std::vector<std::string>& more) {
    Command command;
    command.words = {
        command_line_client_binary(), "doctor", "--host",    broker.host, "-p",
        std::to_string(broker.port),  "-i",     login.ident, "-s",        login.secret};
    command.words.insert(command.words.end(), more.begin(), more.end());
    return run(command);
}

BrokerSetup impatient() {
    return {.arguments = {"--auth-failure-delay", "0"}};
}

TEST(Doctor, FindsNothingWrongWhereNothingIs) {
    const BrokerProcess broker;
    const Finished done = doctor(broker.address(), logger, {"-c", "events", "--listen", "0"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.out << done.err;
    for (const char* line : {"ok    name", "ok    connect", "ok    greeting", "ok    login",
                             "ok    subscribe  events: allowed", "Diagnosis: nothing is wrong."})
        EXPECT_THAT(done.out, HasSubstr(line));
}

TEST(Doctor, AWrongSecretAndAnUnknownIdentAreALoginThatFails) {
    const BrokerProcess broker(impatient());
    for (const Login& login : {Login{"sensor", "wrong"}, Login{"nobody", "at all"}}) {
        const Finished done = doctor(broker.address(), login, {"-c", "events"});
        EXPECT_EQ(done.ended, (Ended{1, 0})) << done.out;
        EXPECT_THAT(done.out, HasSubstr("FAIL  login"));
        EXPECT_THAT(done.out, HasSubstr("does not know the ident '" + login.ident + "'"));
        EXPECT_THAT(done.out, Not(HasSubstr("subscribe  ")));
    }
}

TEST(Doctor, NamesTheRightsThatLack) {
    const BrokerProcess broker;
    const Finished done = doctor(broker.address(), sensor,
                                 {"-c", "secrets", "--publish", "secrets", "--publish", "events"});
    EXPECT_EQ(done.ended, (Ended{1, 0})) << done.out;
    EXPECT_THAT(done.out, HasSubstr("FAIL  subscribe  secrets: "));
    EXPECT_THAT(done.out, HasSubstr("hpfeeds user set sensor --add-subscribe secrets"));
    EXPECT_THAT(done.out, HasSubstr("FAIL  publish    secrets: "));
    EXPECT_THAT(done.out, HasSubstr("ok    publish    events: allowed"));
}

TEST(Doctor, AProbeComesBackAndOthersSeeIt) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    listener.settle();
    const Finished done =
        doctor(broker.address(), both, {"-c", "events", "--publish", "events", "--listen", "0"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.out;
    EXPECT_THAT(done.out, HasSubstr("ok    round trip events: what is published comes back ("));
    const Message probe = listener.expect_message();
    EXPECT_EQ(probe.channel, "events");
    EXPECT_THAT(probe.payload, HasSubstr("hpfeeds doctor"));
}

TEST(Doctor, SaysThatNobodyPublishes) {
    const BrokerProcess broker;
    const Finished done = doctor(broker.address(), logger, {"-c", "events", "--listen", "1"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.out;
    EXPECT_THAT(done.out, HasSubstr("nobody published on 'events' while we listened for 1 s"));
}

TEST(Doctor, SaysWhoPublishes) {
    const BrokerProcess broker;
    std::atomic<bool> over{false};
    std::thread publishing([&] {
        WireClient publisher(broker.address(), sensor);
        while (!over) {
            publisher.publish("events", "x");
            publisher.settle();
        }
    });
    const Finished done =
        doctor(broker.address(), logger, {"-c", "events", "-c", "other", "--listen", "1"});
    over = true;
    publishing.join();
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.out;
    EXPECT_THAT(done.out, HasSubstr(" of 1 ident in 1 s: events "));
}

TEST(Doctor, FindsTlsWhereNoneWasAskedForAndNoneWhereItWas) {
    const BrokerProcess broker({.endpoints = {any_port, any_tls_port}, .listeners = 2});
    const Address tls = broker.address(1);
    Finished done = doctor(tls, logger, {"--timeout", "3"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr("this port speaks TLS, and we came without"));
    done = doctor(broker.address(), logger, {"--tls"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr("an hpfeeds broker listens here, but without TLS"));
    done = doctor(tls, logger, {"--tls"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr("FAIL  tls        the broker's certificate is not trusted"));
    done = doctor(tls, logger, {"--tlscert", broker.directory().file("broker.crt")});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.out;
    EXPECT_THAT(done.out, HasSubstr("  tls        TLSv1.3, "));
}

TEST(Doctor, NamesAnExpiredCertificate) {
    const Identity old =
        make_identity({.begins_in = std::chrono::hours(-480), .ends_in = std::chrono::hours(-240)});
    const BrokerProcess broker({.endpoints = {"tls:interface=127.0.0.1:port=0:key=old.key:"
                                              "cert=old.crt"},
                                .files = {{"old.key", old.key}, {"old.crt", old.certificate}}});
    const Finished done =
        doctor(broker.address(), logger, {"--tlscert", broker.directory().file("old.crt")});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr("certificate has expired"));
    EXPECT_THAT(done.out, HasSubstr("days ago"));
}

TEST(Doctor, KnowsTheExporterForAnHttpServer) {
    const BrokerProcess broker({.arguments = {"--exporter", "127.0.0.1:0"}});
    const LogLine line = broker.wait_for_log({"exporter listening"});
    const Address exporter{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(line.field("port")))};
    const Finished done = doctor(exporter, logger, {"--timeout", "2"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr("this is an HTTP server, not an hpfeeds broker"));
}

TEST(Doctor, JsonSaysTheSame) {
    const BrokerProcess broker;
    const Finished done = doctor(broker.address(), logger, {"-c", "secrets", "--json"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr(R"("healthy": false)"));
    EXPECT_THAT(done.out, HasSubstr(R"("check": "subscribe")"));
    EXPECT_THAT(done.out, Not(HasSubstr(logger.secret)));
}

// A listener whose queue is full lets the next connection wait, as a firewall that drops does.
TEST(Doctor, AConnectionThatIsNotAnsweredIsNoRefusal) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listener, generic, size), 0);
    ASSERT_EQ(listen(listener, 0), 0);
    ASSERT_EQ(getsockname(listener, generic, &size), 0);
    const int first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(connect(first, generic, size), 0);
    const Finished done =
        doctor({"127.0.0.1", ntohs(address.sin_port)}, logger, {"--timeout", "1"});
    close(first);
    close(listener);
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out, HasSubstr("FAIL  connect"));
    EXPECT_THAT(done.out, HasSubstr("no answer within 1 s"));
}

TEST(Doctor, UsageIsStatusTwo) {
    Command command;
    command.words = {command_line_client_binary(), "doctor", "-c", "events"};
    const Finished done = run(command);
    EXPECT_EQ(done.ended, (Ended{2, 0}));
    EXPECT_THAT(done.err, HasSubstr("give -i IDENT"));
}

TEST(Doctor, GoesByAUnixSocketToo) {
    BrokerProcess broker({.endpoints = {"unix:path=broker.sock:allow=publish"}});
    const Address at{.host = "unix:" + broker.address().host, .port = 1};
    const Finished done = doctor(at, both, {"-c", "events", "--publish", "events"});
    for (const char* line : {"ok    name", "is a socket of this machine", "ok    connect",
                             "ok    login", "ok    publish    events: allowed",
                             "FAIL  subscribe  events: ", "for the other direction"})
        EXPECT_THAT(done.out, HasSubstr(line));
    EXPECT_EQ(broker.stop(), 0);
    const Finished nobody = doctor(at, both, {"-c", "events"});
    EXPECT_EQ(nobody.ended, (Ended{1, 0}));
    EXPECT_THAT(nobody.out, HasSubstr("there is no such file"));
}

}  // namespace
}  // namespace hpfeeds::support
