// SPDX-License-Identifier: Apache-2.0
// Both ends on one thread: a socket pair, and OpenSSL's server on the other half.
#include "bench_wire.hpp"

#include "support/certificates.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace hpfeeds::cli::bench {
namespace {

using Step = Wire::Step;
using ::testing::HasSubstr;

class BenchWire : public ::testing::Test {
protected:
    BenchWire() {
        std::array<int, 2> pair{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
        wire.take(pair[0]);
        other = pair[1];
    }
    ~BenchWire() override {
        if (other >= 0) close(other);
    }
    BenchWire(const BenchWire&) = delete;
    BenchWire& operator=(const BenchWire&) = delete;

    void hang_up() { close(std::exchange(other, -1)); }

    Wire wire;
    int other = -1;
    std::array<char, 64 * 1024> room{};
    std::size_t taken = 0;
};

TEST_F(BenchWire, MovesPlainBytesAndWaits) {
    EXPECT_EQ(wire.read(room, taken), Step::waits);
    ASSERT_EQ(send(other, "hello", 5, 0), 5);
    EXPECT_EQ(wire.read(room, taken), Step::moved);
    EXPECT_EQ(std::string(room.data(), taken), "hello");
    EXPECT_FALSE(wire.has_more());
    EXPECT_EQ(wire.write("word", taken), Step::moved);
    EXPECT_EQ(taken, 4U);
    EXPECT_FALSE(wire.wants_room());
}

TEST_F(BenchWire, TellsAnEnd) {
    hang_up();
    EXPECT_EQ(wire.read(room, taken), Step::ended);
    EXPECT_EQ(wire.why(), "");
    EXPECT_EQ(wire.write("word", taken), Step::ended);
    EXPECT_EQ(wire.why(), "Broken pipe");
}

class BenchWireTls : public BenchWire {
protected:
    BenchWireTls() {
        support::write_file(folder.file("server.key"), identity.key);
        support::write_file(folder.file("server.crt"), identity.certificate);
        SSL_CTX_use_certificate_file(context.get(), folder.file("server.crt").c_str(),
                                     SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(context.get(), folder.file("server.key").c_str(),
                                    SSL_FILETYPE_PEM);
        server.reset(SSL_new(context.get()));
        SSL_set_fd(server.get(), other);
        SSL_set_accept_state(server.get());
    }

    // What the last handshake() of the wire said.
    Step shake_hands(const std::string& host, const std::string& trusted_file) {
        wire.encrypt(host, std::make_shared<const client::TlsContext>(trusted_file, 64 * 1024));
        Step step = Step::waits;
        for (int turns = 0; turns < 100 && step == Step::waits; ++turns) {
            step = wire.handshake();
            if (other >= 0) SSL_do_handshake(server.get());
        }
        return step;
    }
    std::string heard_by_server() {
        std::string all;
        std::size_t count = 0;
        while (SSL_read_ex(server.get(), room.data(), room.size(), &count) == 1)
            all.append(room.data(), count);
        return all;
    }

    support::TemporaryDirectory folder;
    support::Identity identity = support::make_identity();
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()),
                                                              SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> server{nullptr, SSL_free};
};

TEST_F(BenchWireTls, ReadsAllRecordsThatAreThere) {
    ASSERT_EQ(shake_hands("localhost", folder.file("server.crt")), Step::moved) << wire.why();
    EXPECT_THAT(wire.description(), HasSubstr("TLSv1.3, "));
    for (const std::string word : {"one ", "two ", "three"})
        ASSERT_GT(SSL_write(server.get(), word.data(), static_cast<int>(word.size())), 0);
    EXPECT_EQ(wire.read(room, taken), Step::moved);
    EXPECT_EQ(std::string(room.data(), taken), "one two three");
    EXPECT_FALSE(wire.has_more());
    EXPECT_EQ(wire.read(room, taken), Step::waits);
}

// The first read takes all records from the system, so nothing else would tell of the rest.
TEST_F(BenchWireTls, KnowsThatMoreWasReadThanTold) {
    ASSERT_EQ(shake_hands("localhost", folder.file("server.crt")), Step::moved) << wire.why();
    ASSERT_EQ(SSL_write(server.get(), "onetwo", 6), 6);
    EXPECT_EQ(wire.read(std::span(room).first(3), taken), Step::moved);
    EXPECT_EQ(std::string(room.data(), taken), "one");
    EXPECT_TRUE(wire.has_more());
    EXPECT_EQ(wire.read(room, taken), Step::moved);
    EXPECT_EQ(std::string(room.data(), taken), "two");
    EXPECT_FALSE(wire.has_more());
}

TEST_F(BenchWireTls, OwesTheRecordThatTheSystemDidNotTake) {
    const int least = 1;
    setsockopt(wire.descriptor(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    ASSERT_EQ(shake_hands("localhost", folder.file("server.crt")), Step::moved) << wire.why();
    std::string said;
    for (int number = 0; !wire.wants_room(); ++number) {
        const std::string batch(5000, static_cast<char>('a' + number % 26));
        ASSERT_EQ(wire.write(batch, taken), Step::moved);
        ASSERT_EQ(taken, batch.size());
        said += batch;
    }
    EXPECT_EQ(wire.write("more", taken), Step::waits);  // what is owed goes first
    EXPECT_EQ(taken, 0U);
    std::string heard;
    while (wire.write_owed() == Step::waits)
        heard += heard_by_server();
    heard += heard_by_server();
    EXPECT_FALSE(wire.wants_room());
    EXPECT_EQ(heard, said);
    EXPECT_EQ(wire.write("more", taken), Step::moved);
    EXPECT_EQ(heard_by_server(), "more");
}

TEST_F(BenchWireTls, TellsTheLastBytesBeforeTheEnd) {
    ASSERT_EQ(shake_hands("localhost", folder.file("server.crt")), Step::moved) << wire.why();
    ASSERT_EQ(SSL_write(server.get(), "last", 4), 4);
    SSL_shutdown(server.get());
    EXPECT_EQ(wire.read(room, taken), Step::moved);
    EXPECT_EQ(std::string(room.data(), taken), "last");
    EXPECT_TRUE(wire.has_more());
    EXPECT_EQ(wire.read(room, taken), Step::ended);
    EXPECT_EQ(wire.why(), "");
}

TEST_F(BenchWireTls, SaysGoodbyeAtItsEnd) {
    ASSERT_EQ(shake_hands("localhost", folder.file("server.crt")), Step::moved) << wire.why();
    wire.close();
    EXPECT_EQ(heard_by_server(), "");
    EXPECT_NE(SSL_get_shutdown(server.get()) & SSL_RECEIVED_SHUTDOWN, 0);
}

TEST_F(BenchWireTls, RefusesACertificateThatNobodyTrusts) {
    EXPECT_EQ(shake_hands("localhost", {}), Step::ended);
    EXPECT_THAT(wire.why(), HasSubstr("the broker's certificate is not trusted"));
}

TEST_F(BenchWireTls, RefusesACertificateForSomebodyElse) {
    EXPECT_EQ(shake_hands("broker.example", folder.file("server.crt")), Step::ended);
    EXPECT_EQ(wire.why(), "the broker's certificate is not for 'broker.example'");
}

TEST_F(BenchWireTls, TellsABrokerThatLeavesInTheHandshake) {
    hang_up();
    EXPECT_EQ(shake_hands("localhost", folder.file("server.crt")), Step::ended);
    EXPECT_NE(wire.why(), "");
}

}  // namespace
}  // namespace hpfeeds::cli::bench
