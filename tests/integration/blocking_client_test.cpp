// SPDX-License-Identifier: Apache-2.0
// hpfeeds::Client against the real broker: restarts, refusals, and what a spool guarantees.
#include "hpfeeds/client.hpp"
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

ClientOptions options_for(const Address& broker, const Login& login) {
    ClientOptions options;
    options.host = broker.host;
    options.port = broker.port;
    options.ident = login.ident;
    options.secret = login.secret;
    options.backoff = {20ms, 100ms};
    return options;
}

// A broker where another one was.
BrokerSetup at(const Address& address) {
    BrokerSetup setup;
    setup.endpoints = {"tcp:interface=127.0.0.1:port=" + std::to_string(address.port)};
    return setup;
}

// A port on which a broker listened, and nobody does now.
Address abandoned_address() {
    BrokerProcess broker;
    const Address address = broker.address();
    broker.stop();
    return address;
}

// Reads numbers until `last`, and returns them.
std::vector<int> read_until(Client& client, int last) {
    std::vector<int> numbers;
    while (const auto message = client.read(20s)) {
        numbers.push_back(std::stoi(std::string(message->text())));
        if (numbers.back() == last) break;
    }
    return numbers;
}

TEST(BlockingClient, CarriesBytesInOrder) {
    const BrokerProcess broker;
    Client client(options_for(broker.address(), both));
    client.subscribe("events");
    std::string every_byte;
    for (int value = 0; value < 256; ++value)
        every_byte.push_back(static_cast<char>(value));
    std::thread publisher([&] {
        for (int i = 0; i < 5000; ++i)
            client.publish("events", every_byte + std::to_string(i));
    });
    for (int i = 0; i < 5000; ++i) {
        const auto message = client.read(20s);
        ASSERT_TRUE(message);
        ASSERT_EQ(message->text(), every_byte + std::to_string(i));
        ASSERT_EQ(message->ident, "both");
    }
    publisher.join();
    client.close();
    EXPECT_EQ(client.broker_name(), "hpfeeds");
}

TEST(BlockingClient, CarriesTheLongestPayload) {
    const BrokerProcess broker;
    Client client(options_for(broker.address(), both));
    client.subscribe("events");
    const std::string longest(1024 * 1024 - 1 - 4 - 1 - 6, 'x');
    client.publish("events", longest);
    EXPECT_EQ(client.read(20s)->text(), longest);
    std::error_code failed;
    client.publish("events", longest + "x", failed);
    EXPECT_EQ(failed, Errc::payload_too_large);
}

TEST(BlockingClient, SendsWhatWasPublishedWhileTheBrokerWasAway) {
    auto first = std::make_unique<BrokerProcess>();
    const Address address = first->address();
    Client client(options_for(address, both));
    client.subscribe("events");
    for (int i = 0; i < 100; ++i)
        client.publish("events", std::to_string(i));
    EXPECT_EQ(read_until(client, 99).size(), 100U);
    first.reset();
    for (int i = 100; i < 1100; ++i)
        client.publish("events", std::to_string(i));
    // The client's own subscription goes before what it sends, so it hears all of it.
    const BrokerProcess second(at(address));
    const std::vector<int> numbers = read_until(client, 1099);
    ASSERT_EQ(numbers.size(), 1000U);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        ASSERT_EQ(numbers[i], 100 + static_cast<int>(i));
    client.close();
    EXPECT_EQ(client.stats().dropped_for_room, 0U);
    EXPECT_GE(client.stats().connections, 2U);
}

TEST(BlockingClient, DropsTheOldestBeyondItsBounds) {
    const Address address = abandoned_address();
    auto options = options_for(address, both);
    options.outbox.bytes_max = 1'100'000;
    Client client(options);
    client.subscribe("events");
    const std::string padding(1000, ' ');
    for (int i = 0; i < 2000; ++i)
        client.publish("events", std::to_string(i) + padding);
    const auto dropped = client.stats().dropped_for_room;
    EXPECT_GT(dropped, 500U);
    const BrokerProcess broker(at(address));
    const std::vector<int> numbers = read_until(client, 1999);
    ASSERT_EQ(numbers.size() + dropped, 2000U);
    EXPECT_EQ(numbers.front(), static_cast<int>(dropped)) << "the newest are kept, in order";
}

TEST(BlockingClient, TellsTheBrokersRefusals) {
    const BrokerProcess broker;
    {
        Client client(options_for(broker.address(), {"sensor", "wrong"}));
        client.publish("events", "never");
        MessageView message;
        std::error_code failed;
        EXPECT_FALSE(client.read(message, 20s, failed));
        EXPECT_EQ(failed, Errc::authentication_failed);
        EXPECT_THAT(client.last_error(), HasSubstr("Authentication failed for sensor"));
    }
    {
        Client client(options_for(broker.address(), sensor));
        client.publish("forbidden", "never");
        std::error_code failed;
        client.close(failed);
        EXPECT_EQ(failed, Errc::publish_refused);
        EXPECT_THAT(client.last_error(), HasSubstr("chan=forbidden"));
    }
    {
        Client client(options_for(broker.address(), sensor));
        client.subscribe("events");
        try {
            client.run([](const MessageView&) {});
            FAIL() << "a sensor may not subscribe";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), Errc::subscribe_refused);
            EXPECT_THAT(error.what(), HasSubstr("not allowed to sub here"));
        }
    }
}

TEST(BlockingClient, GoesOnBehindARefusedMessage) {
    const BrokerProcess broker;
    Client client(options_for(broker.address(), both));
    client.subscribe("events");
    client.publish("events", "1");
    client.publish("forbidden", "2");
    client.publish("events", "3");
    std::set<std::string> heard;
    std::vector<std::error_code> troubles;
    client.run(
        [&](const MessageView& message) {
            heard.emplace(message.text());
            if (heard.contains("3")) client.stop();
        },
        [&](const Error& error) { troubles.push_back(error.code()); });
    EXPECT_TRUE(heard.contains("3"));
    ASSERT_FALSE(troubles.empty());
    EXPECT_EQ(troubles.front(), Errc::publish_refused);
}

TEST(BlockingClient, KeepsEveryPublishersOrder) {
    const BrokerProcess broker;
    Client client(options_for(broker.address(), both));
    client.subscribe("events");
    std::vector<std::thread> publishers;
    for (int who = 0; who < 4; ++who)
        publishers.emplace_back([&, who] {
            for (int i = 0; i < 1000; ++i)
                client.publish("events", std::to_string(who * 1000 + i));
        });
    std::vector<int> next{0, 1000, 2000, 3000};
    for (int i = 0; i < 4000; ++i) {
        const auto message = client.read(20s);
        ASSERT_TRUE(message);
        const int number = std::stoi(std::string(message->text()));
        ASSERT_EQ(number, next.at(static_cast<std::size_t>(number / 1000))++);
    }
    for (std::thread& publisher : publishers)
        publisher.join();
}

class Spooling : public testing::Test {
protected:
    [[nodiscard]] std::string spool() const { return folder_.file("spool.db"); }
    [[nodiscard]] Command sensor_at(const Address& broker, int first, int count) const {
        return {{HPFEEDS_SPOOLING_SENSOR, std::to_string(broker.port), spool(),
                 std::to_string(first), std::to_string(count)}};
    }
    [[nodiscard]] ClientOptions options(const Address& broker) const {
        auto made = options_for(broker, both);
        made.spool.path = spool();
        return made;
    }
    TemporaryDirectory folder_;
};

TEST_F(Spooling, EventsOutliveAProcessThatIsKilledWithoutABroker) {
    const Address address = abandoned_address();
    {
        Process sensor(sensor_at(address, 0, 1000));
        ASSERT_TRUE(sensor.out().wait_for_text("published 1000\n")) << sensor.err().text();
        sensor.signal(SIGKILL);
        EXPECT_EQ(sensor.wait(), (Ended{-1, SIGKILL}));
    }
    // The subscription is there before the broker is, so it goes before the events.
    Client client(options(address));
    client.subscribe("events");
    client.publish("events", "1000");
    const BrokerProcess broker(at(address));
    const std::vector<int> numbers = read_until(client, 1000);
    ASSERT_EQ(numbers.size(), 1001U);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        ASSERT_EQ(numbers[i], static_cast<int>(i));
    client.close();
    EXPECT_EQ(client.stats().spooled_messages, 0U);
}

TEST_F(Spooling, EventsAreDeliveredAtLeastOnceThroughKillsOfTheSensor) {
    const BrokerProcess broker;
    Client listener(options_for(broker.address(), logger));
    listener.subscribe("events");
    listener.connect(20s);
    std::set<int> promised;
    for (int life = 0; life < 3; ++life) {
        Process sensor(sensor_at(broker.address(), life * 100'000, 100'000));
        ASSERT_TRUE(sensor.out().wait_for_text("published 500\n")) << sensor.err().text();
        sensor.signal(SIGKILL);
        sensor.wait();
        // What it said it had published is promised.
        const std::string last = sensor.out().lines().back();
        const int published = std::stoi(last.substr(last.rfind(' ') + 1));
        for (int i = 0; i < published; ++i)
            promised.insert(life * 100'000 + i);
    }
    Client heir(options(broker.address()));
    heir.publish("events", "-1");
    heir.flush(20s);
    while (!promised.empty()) {
        const auto message = listener.read(20s);
        ASSERT_TRUE(message) << promised.size() << " never came, from " << *promised.begin();
        promised.erase(std::stoi(std::string(message->text())));
    }
}

TEST(BlockingClient, TalksTlsToTheBroker) {
    const TemporaryDirectory folder;
    const Finished made =
        run({{"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
              folder.file("key.pem"), "-out", folder.file("cert.pem"), "-days", "1", "-subj",
              "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"}});
    ASSERT_EQ(made.ended.status, 0) << made.err;
    BrokerSetup setup;
    setup.endpoints = {"tls:interface=127.0.0.1:port=0:key=" + folder.file("key.pem") +
                       ":cert=" + folder.file("cert.pem")};
    std::unique_ptr<BrokerProcess> broker;
    try {
        broker = std::make_unique<BrokerProcess>(setup);
    } catch (const std::exception& none) {
        GTEST_SKIP() << "this broker has no TLS: " << none.what();
    }
    auto options = options_for(broker->address(), both);
    options.tls = {true, folder.file("cert.pem")};
    Client client(options);
    client.subscribe("events");
    for (int i = 0; i < 1000; ++i)
        client.publish("events", std::to_string(i));
    EXPECT_EQ(read_until(client, 999).size(), 1000U);
    client.close();
}

}  // namespace
}  // namespace hpfeeds::support
