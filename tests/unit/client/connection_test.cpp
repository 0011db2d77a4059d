// SPDX-License-Identifier: Apache-2.0
#include "client/connection.hpp"

#include "client/errc.hpp"
#include "unit/client/scripted_broker.hpp"
#include "unit/client/tls_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <array>

namespace hpfeeds::client {
namespace {

using testing::CertificateFiles;
using testing::DeadPort;
using ::testing::HasSubstr;
using testing::Peer;
using testing::ScriptedBroker;
using testing::TlsServer;
using namespace std::chrono_literals;

Destination at(std::uint16_t port, std::string host = "127.0.0.1") {
    return {.host = std::move(host), .port = port, .tls = false, .trusted_file = {}};
}
Destination tls_at(std::uint16_t port, std::string host, std::string trusted) {
    return {.host = std::move(host), .port = port, .tls = true, .trusted_file = std::move(trusted)};
}

// Everything until an error, which at a good end is closed_by_broker.
std::string read_all(Connection& connection, std::error_code& error) {
    std::string text;
    for (;;) {
        std::array<std::byte, 1000> room{};
        std::size_t taken = 0;
        error = connection.read_some(room, in(20s), taken);
        if (error) return text;
        text += wire::as_text(std::span(room).first(taken));
    }
}

std::error_code write_all(Connection& connection, std::string_view text) {
    auto bytes = wire::as_bytes(text);
    while (!bytes.empty()) {
        std::size_t taken = 0;
        if (const auto error = connection.write_some(bytes, in(20s), taken)) return error;
        bytes = bytes.subspan(taken);
    }
    return {};
}

TEST(Connection, CarriesBytesBothWaysAndReadsAfterItsOwnEnd) {
    ScriptedBroker broker({[](const Peer& peer) { peer.send("got " + peer.read_all()); }});
    Connection connection;
    ASSERT_FALSE(connection.open(at(broker.port()), in(20s))) << connection.explanation();
    EXPECT_THAT(connection.explanation(), HasSubstr("127.0.0.1 port "));
    const std::string text(3'000'000, 'x');
    EXPECT_FALSE(write_all(connection, text));
    EXPECT_FALSE(connection.finish_writing(in(20s)));
    std::error_code error;
    EXPECT_EQ(read_all(connection, error), "got " + text);
    EXPECT_EQ(error, Errc::closed_by_broker);
    EXPECT_EQ(connection.unacknowledged_bytes(), 0U);
}

TEST(Connection, TriesEveryAddressOfAName) {
    // localhost is ::1 and 127.0.0.1 on most systems; the broker listens on the latter alone.
    ScriptedBroker broker({[](const Peer& peer) { peer.send("hello"); }});
    Connection connection;
    ASSERT_FALSE(connection.open(at(broker.port(), "localhost"), in(20s)))
        << connection.explanation();
    std::error_code error;
    EXPECT_EQ(read_all(connection, error), "hello");
}

TEST(Connection, SaysWhichAddressRefused) {
    const DeadPort dead;
    Connection connection;
    EXPECT_EQ(connection.open(at(dead.port()), in(20s)), std::errc::connection_refused);
    EXPECT_EQ(connection.explanation(),
              "127.0.0.1 port " + std::to_string(dead.port()) + ": Connection refused");
    EXPECT_FALSE(connection.is_open());
}

TEST(Connection, SaysThatANameHasNoAddress) {
    Connection connection;
    EXPECT_EQ(connection.open(at(1, "name.invalid"), in(20s)), Errc::host_not_found);
    EXPECT_THAT(connection.explanation(), HasSubstr("name.invalid: "));
}

TEST(Connection, ReadsNoLongerThanItsDeadline) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    Connection connection;
    ASSERT_FALSE(connection.open(at(broker.port()), in(20s)));
    std::array<std::byte, 8> room{};
    std::size_t taken = 1;
    EXPECT_EQ(connection.read_some(room, in(1ms), taken), Errc::timed_out);
    EXPECT_EQ(taken, 0U);
}

TEST(Connection, WritesNoLongerThanItsDeadline) {
    ScriptedBroker broker({[](const Peer& peer) { peer.hang(); }});
    Connection connection;
    ASSERT_FALSE(connection.open(at(broker.port()), in(20s)));
    const std::vector<std::byte> bytes(1 << 20);
    std::error_code error;
    for (int round = 0; round < 10'000 && !error; ++round) {
        std::size_t taken = 0;
        error = connection.write_some(bytes, in(10ms), taken);
    }
    EXPECT_EQ(error, Errc::timed_out);
    EXPECT_GT(connection.unacknowledged_bytes(), 0U);
}

TEST(Connection, IsInterruptedByItsWakeDescriptor) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    const int wake = eventfd(1, EFD_CLOEXEC);
    Connection connection(wake);
    std::error_code error = connection.open(at(broker.port()), in(20s));
    if (!error) {
        std::array<std::byte, 8> room{};
        std::size_t taken = 0;
        error = connection.read_some(room, no_deadline, taken);
    }
    EXPECT_EQ(error, Errc::interrupted);
    ::close(wake);
}

TEST(Connection, RefusesToReadAndWriteWhenNotOpen) {
    Connection connection;
    std::array<std::byte, 8> room{};
    std::size_t taken = 0;
    EXPECT_EQ(connection.read_some(room, no_deadline, taken), Errc::closed_by_broker);
    EXPECT_EQ(connection.write_some(room, no_deadline, taken), Errc::closed_by_broker);
    EXPECT_EQ(connection.finish_writing(no_deadline), Errc::closed_by_broker);
}

TEST(Connection, WritesToABrokerThatIsGoneWithoutASignal) {
    ScriptedBroker broker({[](const Peer&) {}});
    Connection connection;
    ASSERT_FALSE(connection.open(at(broker.port()), in(20s)));
    std::error_code error;
    static_cast<void>(read_all(connection, error));
    error.clear();
    for (int round = 0; round < 1000 && !error; ++round)
        error = write_all(connection, "more");
    EXPECT_TRUE(error == std::errc::broken_pipe || error == std::errc::connection_reset) << error;
}

TEST(TlsConnection, TrustsTheFileItIsGiven) {
    const CertificateFiles files("localhost", "127.0.0.1");
    for (const char* host : {"localhost", "127.0.0.1"}) {
        TlsServer server(files, "hello");
        Connection connection;
        ASSERT_FALSE(connection.open(tls_at(server.port(), host, files.certificate), in(20s)))
            << connection.explanation();
        EXPECT_THAT(connection.explanation(), HasSubstr("TLSv1."));
        EXPECT_FALSE(write_all(connection, "to the server"));
        EXPECT_FALSE(connection.finish_writing(in(20s)));
        std::error_code error;
        EXPECT_EQ(read_all(connection, error), "hello");
        EXPECT_EQ(error, Errc::closed_by_broker);
        EXPECT_EQ(server.heard(), "to the server");
    }
}

TEST(TlsConnection, RefusesACertificateThatNobodyVouchesFor) {
    const CertificateFiles files("localhost", "127.0.0.1");
    const CertificateFiles others("localhost", "127.0.0.1");
    for (const std::string& trusted : {std::string(), others.certificate}) {
        TlsServer server(files, "hello");
        Connection connection;
        EXPECT_EQ(connection.open(tls_at(server.port(), "localhost", trusted), in(20s)),
                  Errc::certificate_refused);
        EXPECT_THAT(connection.explanation(), HasSubstr("is not trusted: "));
        EXPECT_FALSE(connection.is_open());
    }
}

TEST(TlsConnection, RefusesACertificateForAnotherName) {
    const CertificateFiles files("other.example", "127.0.0.2");
    for (const char* host : {"localhost", "127.0.0.1"}) {
        TlsServer server(files, "hello");
        Connection connection;
        EXPECT_EQ(connection.open(tls_at(server.port(), host, files.certificate), in(20s)),
                  Errc::certificate_refused);
        EXPECT_THAT(connection.explanation(), HasSubstr(std::string("not for '") + host + "'"));
    }
}

TEST(TlsConnection, RefusesAnUnreadableCertificateFile) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    Connection connection;
    EXPECT_EQ(connection.open(tls_at(broker.port(), "127.0.0.1", "/nowhere/ca.pem"), in(20s)),
              Errc::certificate_unusable);
    EXPECT_THAT(connection.explanation(), HasSubstr("/nowhere/ca.pem"));
}

TEST(TlsConnection, SaysThatABrokerSpeaksNoTls) {
    ScriptedBroker broker({[](const Peer& peer) {
        peer.send(std::string("\0\0\0\x0f\1\6broker1234", 16));
        peer.stay_silent();
    }});
    Connection connection;
    EXPECT_EQ(connection.open(tls_at(broker.port(), "127.0.0.1", {}), in(20s)), Errc::tls_failed);
    EXPECT_THAT(connection.explanation(), HasSubstr("does this port speak TLS?"));
}

TEST(TlsConnection, WaitsNoLongerThanItsDeadlineForAHandshake) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    Connection connection;
    EXPECT_EQ(connection.open(tls_at(broker.port(), "127.0.0.1", {}), in(50ms)), Errc::timed_out);
    EXPECT_THAT(connection.explanation(), HasSubstr("handshake"));
}

}  // namespace
}  // namespace hpfeeds::client
