// SPDX-License-Identifier: Apache-2.0
// A MongoDB server that stops, freezes and comes back under load: sessions go on, new logins are
// refused in time and counted, and everything recovers by itself.
#include "breaking_relay.hpp"
#include "mongo_shell.hpp"
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace hpfeeds::support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr const char* document =
    R"({"identifier": "sensor1", "secret": "secret", "publish": ["events", "other"], "subscribe": ["events"]})";
const Login sensor1{"sensor1", "secret"};

std::string read_all(int descriptor) {
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t count; (count = ::recv(descriptor, chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(count));
    return text;
}

// Published without a pause by one session, and received by another, until the end of the test:
// every message once, in order.
class Load {
public:
    explicit Load(const BrokerProcess& broker)
        : publisher_(broker.address(), sensor1), subscriber_(broker.address(), sensor1) {
        subscriber_.subscribe("events");
        wait_until_subscribed(publisher_, subscriber_, "events");
        sender_ = std::thread([this] { send(); });
        receiver_ = std::thread([this] { receive(); });
    }
    ~Load() {
        if (sender_.joinable()) static_cast<void>(finish());
    }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    // How many messages have arrived so far.
    [[nodiscard]] std::uint64_t received() const { return received_.load(); }
    // Returns when more have arrived than `before`; false when none come.
    [[nodiscard]] bool goes_on_after(std::uint64_t before) const {
        const Deadline deadline;
        while (received() <= before) {
            if (deadline.passed()) return false;
            std::this_thread::yield();
        }
        return true;
    }
    // Ends the load; what went wrong, if anything.
    [[nodiscard]] std::string finish() {
        stop_.store(true);
        sender_.join();
        receiver_.join();
        if (!fault_.empty()) return fault_;
        if (sent_.load() != received()) return "messages are missing";
        return {};
    }

private:
    // At most this many are on their way, so that the test does not measure buffers.
    static constexpr std::uint64_t ahead_max = 256;

    void send() {
        while (!stop_.load()) {
            if (sent_.load() - received() >= ahead_max) {
                std::this_thread::yield();
                continue;
            }
            publisher_.publish("events", std::to_string(sent_.load()));
            sent_.fetch_add(1);
        }
        publisher_.publish("events", "end");
    }
    void receive() try {
        for (;;) {
            const Message message = subscriber_.expect_message(Deadline(60s));
            if (message.payload == "end") return;
            if (message.payload != std::to_string(received_.load())) {
                fault_ = "message " + message.payload + " came as number " +
                         std::to_string(received_.load());
                stop_.store(true);
            }
            received_.fetch_add(1);
        }
    } catch (const std::exception& error) {
        fault_ = error.what();
        stop_.store(true);
    }

    WireClient publisher_;
    WireClient subscriber_;
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> received_{0};
    std::atomic<bool> stop_{false};
    std::string fault_;
    std::thread sender_;
    std::thread receiver_;
};

bool logs_in(const BrokerProcess& broker, const Login& login) {
    WireClient client(broker.address(), login);
    try {
        client.publish("other", "x");
        client.half_close();
        client.expect_closed();
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void expect_soon(const BrokerProcess& broker, const Login& login) {
    const Deadline deadline(60s);
    while (!logs_in(broker, login))
        ASSERT_FALSE(deadline.passed()) << login.ident << " should be able to log in again";
}

// The broker's metrics, as a scrape gets them.
std::string metrics_of(const BrokerProcess& broker) {
    const LogLine line = broker.wait_for_log({"exporter listening"});
    WireClient scrape(
        Address{line.field("address"), static_cast<std::uint16_t>(std::stoul(line.field("port")))});
    scrape.send("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    return read_all(scrape.descriptor());
}

class MongoOutage : public testing::Test {
protected:
    void SetUp() override {
        HPFEEDS_NEEDS_MONGO_SERVER();
        server_.emplace();
        mongo_insert(*server_, document);
    }

    MongoServer& server() { return *server_; }
    BrokerSetup asking() const {
        return {.arguments = {"--auth", server_->url(), "--auth-failure-delay", "0", "--exporter",
                              "127.0.0.1:0"},
                .keys = {}};
    }

    // In the middle of the load: what was connected goes on, what comes new is refused in time.
    void expect_refusals_in_time(const BrokerProcess& broker, const Load& load) {
        const std::uint64_t before = load.received();
        const auto began = Clock::now();
        // What was read ahead is known for a second more.
        while (logs_in(broker, sensor1))
            ASSERT_LT(Clock::now() - began, 6s);
        EXPECT_LT(Clock::now() - began, 6s);
        // From then on the outage is known, and nobody waits for it.
        for (int attempt = 0; attempt < 20; ++attempt)
            EXPECT_FALSE(logs_in(broker, sensor1));
        EXPECT_TRUE(load.goes_on_after(before));
        broker.wait_for_log({"login refused", "ident=sensor1", "store-unavailable"});
        broker.wait_for_log({"a key store cannot answer", server().host()});
        const std::string metrics = metrics_of(broker);
        EXPECT_THAT(metrics, HasSubstr("hpfeeds_broker_auth_store_out{store=\"mongodb://" +
                                       server().host() + "/hpfeeds\"} 1"));
        EXPECT_THAT(metrics, HasSubstr("category=\"error-checking-ident\"} 21"));
    }

private:
    std::optional<MongoServer> server_;
};

TEST_F(MongoOutage, AServerThatStopsAndStartsAgain) {
    const BrokerProcess broker(asking());
    Load load(broker);
    server().kill();
    expect_refusals_in_time(broker, load);
    server().start();
    expect_soon(broker, sensor1);
    EXPECT_EQ(load.finish(), "");
}

TEST_F(MongoOutage, AServerThatFreezesAndThaws) {
    const BrokerProcess broker(asking());
    Load load(broker);
    server().freeze();
    expect_refusals_in_time(broker, load);
    server().thaw();
    expect_soon(broker, sensor1);
    EXPECT_EQ(load.finish(), "");
}

// Every connection that rests in the pool is dead, and nobody has noticed.
TEST_F(MongoOutage, ARestartBetweenTwoLoginsIsNotNoticed) {
    const BrokerProcess broker(
        {.arguments = {"--auth", server().url(), "--auth-failure-delay", "0"}, .keys = {}});
    for (int round = 0; round < 3; ++round) {
        EXPECT_TRUE(logs_in(broker, sensor1));
        server().kill();
        server().start();
    }
    EXPECT_TRUE(logs_in(broker, sensor1));
    EXPECT_THAT(broker.log(), testing::Not(HasSubstr("cannot answer")));
}

// The connection made instead of a dead one may break as well, as late as in its own login.
TEST_F(MongoOutage, ALoginThatBreaksInTheMiddleIsTriedOnAnotherConnection) {
    const BreakingRelay relay(server().port(), 2);
    const BrokerProcess broker(
        {.arguments = {"--auth", server().url_through(relay.port()), "--auth-failure-delay", "0"},
         .keys = {}});
    EXPECT_TRUE(logs_in(broker, sensor1));
    EXPECT_EQ(relay.broken(), 2);
    EXPECT_THAT(broker.log(), testing::Not(HasSubstr("cannot answer")));
}

// But not for ever: who is never let in is out, says so, and is found again when it lets us in.
TEST_F(MongoOutage, AServerThatBreaksEveryLoginIsOut) {
    const BreakingRelay relay(server().port(), 5);
    const BrokerProcess broker(
        {.arguments = {"--auth", server().url_through(relay.port()), "--auth-failure-delay", "0"},
         .keys = {}});
    broker.wait_for_log({"a key store cannot answer", "the login failed"});
    expect_soon(broker, sensor1);
    EXPECT_EQ(relay.broken(), 5);
}

TEST_F(MongoOutage, AServerThatIsDownAtTheStartIsFoundWhenItComes) {
    server().kill();
    const BrokerProcess broker(
        {.arguments = {"--auth", server().url(), "--auth-failure-delay", "0"}, .keys = {}});
    EXPECT_FALSE(logs_in(broker, sensor1));
    server().start();
    expect_soon(broker, sensor1);
}

TEST_F(MongoOutage, AnotherStoreInTheStackKeepsServing) {
    BrokerSetup setup = {.arguments = {"--auth", server().url(), "--auth-failure-delay", "0"}};
    const BrokerProcess broker(setup);  // users.json first, then MongoDB
    Load load(broker);
    server().freeze();
    for (int attempt = 0; attempt < 50; ++attempt) {
        const auto began = Clock::now();
        EXPECT_TRUE(logs_in(broker, both));
        EXPECT_LT(Clock::now() - began, 2s) << "attempt " << attempt;
        WireClient waiting(broker.address(), sensor1);  // sits in MongoDB's queue, or is refused
    }
    server().thaw();
    expect_soon(broker, sensor1);
    EXPECT_EQ(load.finish(), "");
}

// The other order: who is not in MongoDB is asked for behind it, whatever it does.
TEST_F(MongoOutage, AStoreBehindItIsAskedWhenItCannotAnswer) {
    const TemporaryDirectory folder;
    write_file(folder.path() / "users.json", users_json(usual_keys()));
    const BrokerProcess broker(
        {.arguments = {"--auth", server().url(), "--auth", folder.file("users.json"),
                       "--auth-failure-delay", "0"},
         .keys = {}});
    server().freeze();
    for (int attempt = 0; attempt < 5; ++attempt)
        EXPECT_TRUE(logs_in(broker, both));
    server().thaw();
    expect_soon(broker, sensor1);
}

TEST_F(MongoOutage, ABrokerStopsPromptlyWhileTheServerIsFrozen) {
    BrokerProcess broker(
        {.arguments = {"--auth", server().url(), "--auth-failure-delay", "0"}, .keys = {}});
    EXPECT_TRUE(logs_in(broker, sensor1));
    server().freeze();
    const WireClient waiting(broker.address(), sensor1);
    EXPECT_EQ(broker.stop(), 0);
    server().thaw();
}

}  // namespace
}  // namespace hpfeeds::support
