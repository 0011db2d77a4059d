// SPDX-License-Identifier: Apache-2.0
#include "client/client_machine.hpp"
#include "client/connection.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/testing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace {

using hpfeeds::client::ClientMachine;
using hpfeeds::client::Connection;
using hpfeeds::testing::Broker;
using hpfeeds::testing::User;

// A client of three calls: enough to ask a broker whether it is one.
class Caller {
public:
    explicit Caller(const hpfeeds::ClientOptions& options)
        : machine_(options.ident, options.secret) {
        hpfeeds::client::Destination destination;
        destination.host = options.host;
        destination.port = options.port;
        destination.tls = options.tls.enabled;
        destination.trusted_file = options.tls.trusted_file;
        opened_ = connection_.open(destination, patience());
        if (!opened_) static_cast<void>(next());
    }
    [[nodiscard]] std::error_code opened() const { return opened_; }
    ClientMachine& machine() { return machine_; }
    void flush() {
        while (!machine_.unsent().empty()) {
            std::size_t taken = 0;
            if (connection_.write_some(machine_.unsent(), patience(), taken)) return;
            machine_.sent(taken);
        }
    }
    // What the broker says next; Kind::none when it closes instead.
    ClientMachine::Event next() {
        flush();
        for (;;) {
            const ClientMachine::Event event = machine_.next();
            if (event.kind != ClientMachine::Kind::none) {
                flush();
                return event;
            }
            std::size_t taken = 0;
            if (connection_.read_some(room_, patience(), taken)) return {};
            machine_.receive(std::span(room_).first(taken));
        }
    }

private:
    static hpfeeds::client::Deadline patience() {
        return hpfeeds::client::in(std::chrono::seconds(30));
    }
    Connection connection_;
    ClientMachine machine_;
    std::array<std::byte, 4096> room_{};
    std::error_code opened_;
};

std::vector<User> users() {
    return {{"sensor", "s3cret", {"events"}, {}}, {"logger", "t0p", {}, {"events"}}};
}

TEST(TestingBroker, CarriesAMessage) {
    const Broker broker({{"both", "b", {"events"}, {"events"}}});
    Caller caller(broker.options_for("both"));
    ASSERT_FALSE(caller.opened());
    ASSERT_FALSE(caller.machine().subscribe("events"));
    const std::array<std::byte, 3> payload{};
    ASSERT_FALSE(caller.machine().publish("events", payload));
    const auto event = caller.next();
    ASSERT_EQ(event.kind, ClientMachine::Kind::message);
    EXPECT_EQ(event.ident, "both");
    EXPECT_EQ(event.channel, "events");
    EXPECT_EQ(event.payload.size(), 3U);
}

TEST(TestingBroker, RefusesAWrongSecretAtOnce) {
    const Broker broker(users());
    hpfeeds::ClientOptions options = broker.options_for("sensor");
    options.secret = "wrong";
    Caller caller(options);
    const auto event = caller.next();
    ASSERT_EQ(event.kind, ClientMachine::Kind::error);
    EXPECT_EQ(event.text, "Authentication failed for sensor");
}

TEST(TestingBroker, RefusesAChannelThatIsNotTheUsers) {
    const Broker broker(users());
    Caller caller(broker.options_for("sensor"));
    ASSERT_FALSE(caller.machine().subscribe("events"));
    const auto event = caller.next();
    ASSERT_EQ(event.kind, ClientMachine::Kind::error);
    EXPECT_EQ(event.text, "Authkey not allowed to sub here. ident=sensor, chan=events");
}

TEST(TestingBroker, RefusesConnectionsWhileStopped) {
    Broker broker(users());
    const std::uint16_t port = broker.port();
    broker.stop();
    broker.stop();
    EXPECT_EQ(Caller(broker.options_for("sensor")).opened(), std::errc::connection_refused);
    broker.start();
    broker.start();
    EXPECT_EQ(broker.port(), port);
    EXPECT_FALSE(Caller(broker.options_for("sensor")).opened());
}

TEST(TestingBroker, ClosesConnectionsWhenItRestarts) {
    Broker broker(users());
    Caller before(broker.options_for("logger"));
    ASSERT_FALSE(before.opened());
    broker.restart();
    EXPECT_EQ(before.next().kind, ClientMachine::Kind::none);
    EXPECT_FALSE(Caller(broker.options_for("logger")).opened());
}

TEST(TestingBroker, SeveralLiveSideBySide) {
    const Broker one(users());
    const Broker two(users());
    EXPECT_NE(one.port(), two.port());
    EXPECT_FALSE(Caller(one.options_for("sensor")).opened());
    EXPECT_FALSE(Caller(two.options_for("sensor")).opened());
}

TEST(TestingBroker, LeavesTheProcessAlone) {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    {
        Broker broker(users());
        broker.restart();
    }
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (const int signal : {SIGTERM, SIGINT, SIGPIPE})
        EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
    struct sigaction pipe {};
    sigaction(SIGPIPE, nullptr, &pipe);
    EXPECT_EQ(pipe.sa_handler, SIG_DFL);
}

// The signals that the thread of this name blocks, as the kernel writes them; 0 while there is
// none.
std::uint64_t signals_blocked_by(const std::string& thread) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        std::string line;
        bool found = false;
        while (std::getline(status, line)) {
            if (line == "Name:\t" + thread) found = true;
            if (found && line.starts_with("SigBlk:"))
                return std::stoull(line.substr(line.find('\t') + 1), nullptr, 16);
        }
    }
    return 0;
}

// sendfile(2) to a reader that has gone raises it, and knows no MSG_NOSIGNAL.
TEST(TestingBroker, BlocksSigpipeWhereItSends) {
    const Broker broker(users());
    EXPECT_FALSE(Caller(broker.options_for("sensor")).opened()) << "so its thread has begun";
    EXPECT_TRUE(signals_blocked_by("shard-0") & std::uint64_t{1} << (SIGPIPE - 1));
}

TEST(TestingBroker, SpeaksTlsWithACertificateOfItsOwn) {
    std::string made;
    {
        Broker broker(users(), {.enabled = true});
        const hpfeeds::ClientOptions options = broker.options_for("sensor");
        made = options.tls.trusted_file;
        EXPECT_FALSE(Caller(options).opened());
        broker.restart();
        EXPECT_FALSE(Caller(options).opened());
        hpfeeds::ClientOptions trusting_nobody = options;
        trusting_nobody.tls.trusted_file.clear();
        EXPECT_EQ(Caller(trusting_nobody).opened(), hpfeeds::Errc::certificate_refused);
        hpfeeds::ClientOptions by_name = options;
        by_name.host = "localhost";
        EXPECT_FALSE(Caller(by_name).opened());
        EXPECT_EQ(std::filesystem::status(std::filesystem::path(made).parent_path()).permissions(),
                  std::filesystem::perms::owner_all);
    }
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(made).parent_path()));
}

TEST(TestingBroker, SpeaksTlsWithACertificateThatIsGiven) {
    const Broker maker(users(), {.enabled = true});
    const std::string certificate = maker.options_for("sensor").tls.trusted_file;
    const std::string key = std::filesystem::path(certificate).parent_path() / "key.pem";
    const Broker broker(users(),
                        {.enabled = true, .certificate_file = certificate, .key_file = key});
    EXPECT_EQ(broker.options_for("sensor").tls.trusted_file, certificate);
    EXPECT_FALSE(Caller(broker.options_for("sensor")).opened());
}

TEST(TestingBroker, RefusesACertificateThatCannotServe) {
    const auto build = [](hpfeeds::testing::BrokerTls tls) { const Broker broker(users(), tls); };
    EXPECT_THROW(build({.enabled = true, .certificate_file = "only.pem"}), hpfeeds::Error);
    EXPECT_THROW(build({.certificate_file = "a.pem", .key_file = "b.pem"}), hpfeeds::Error);
    EXPECT_THROW(build({.enabled = true, .certificate_file = "none.pem", .key_file = "none.pem"}),
                 hpfeeds::Error);
}

TEST(TestingBroker, KnowsOnlyItsUsers) {
    const Broker broker(users());
    EXPECT_THROW(static_cast<void>(broker.options_for("nobody")), hpfeeds::Error);
}

}  // namespace
