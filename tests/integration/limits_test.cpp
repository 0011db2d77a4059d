// SPDX-License-Identifier: Apache-2.0
// What an exposed broker bounds for one address and one ident.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using Held = std::vector<std::unique_ptr<WireClient>>;

void expect_exchange(const Address& broker) {
    WireClient client(broker, both);
    client.subscribe("events");
    client.publish("events", "alive");
    client.expect_message({"both", "events", "alive"});
}

BrokerSetup with_exporter(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--exporter", "127.0.0.1:0"});
    return {.arguments = std::move(arguments)};
}

TEST(Limits, ConnectionsOfOneAddressAreBoundedOverAllEndpointsAndThreads) {
    BrokerSetup setup = with_exporter({"--max-connections-per-address", "4", "--threads", "3"});
    setup.endpoints = {any_port, any_tls_port};
    setup.listeners = 2;
    const BrokerProcess broker(setup);
    const MetricsPage page(broker);
    Held held;
    for (const std::size_t endpoint : {0, 1, 0, 1}) {
        held.push_back(std::make_unique<WireClient>(broker.address(endpoint), both));
        held.back()->settle();
    }
    // Closed before the broker says a word.
    WireClient refused(broker.address(0));
    refused.expect_closed();
    EXPECT_ANY_THROW(WireClient(broker.address(1)).expect_info());
    page.wait_for(R"(hpfeeds_broker_connections_refused{limit="address"})", 2);
    broker.wait_for_log({"connection refused", "reason=address-full",
                         "--max-connections-per-address", "connections=4"});
    for (const auto& client : held)
        client->settle();

    held.pop_back();
    page.wait_for("hpfeeds_broker_client_connections", 3);
    expect_exchange(broker.address(0));
}

TEST(Limits, AnotherAddressIsServedMeanwhile) {
    // Who connects to ::1 comes from there.
    BrokerSetup setup{.arguments = {"--max-connections-per-address", "1"}};
    setup.endpoints = {"tcp:interface=127.0.0.1:port=0", "tcp:interface=\\:\\:1:port=0"};
    setup.listeners = 2;
    const BrokerProcess broker(setup);
    const WireClient first(broker.address(0), both);
    WireClient refused(broker.address(0));
    refused.expect_closed();
    expect_exchange(broker.address(1));
}

TEST(Limits, ThisMachineHasAnyNumberUnlessTold) {
    const BrokerProcess broker;
    Held held;
    for (int i = 0; i < 1'100; ++i)
        held.push_back(std::make_unique<WireClient>(broker.address()));
    expect_exchange(broker.address());
}

TEST(Limits, ConnectionsOfOneIdentAreBoundedOverAllThreads) {
    const BrokerProcess broker(with_exporter(
        {"--max-connections-per-ident", "3", "--threads", "3", "--auth-failure-delay", "0"}));
    const MetricsPage page(broker);
    Held held;
    for (int i = 0; i < 3; ++i) {
        held.push_back(std::make_unique<WireClient>(broker.address(), sensor));
        held.back()->publish("events", "x");
    }
    page.wait_for(R"(hpfeeds_broker_connection_ready{ident="sensor"})", 3);
    WireClient refused(broker.address(), sensor);
    refused.expect_refusal("Too many connections for sensor");
    page.wait_for(R"(hpfeeds_broker_connections_refused{limit="ident"})", 1);
    page.wait_for(R"(hpfeeds_broker_connections_closed{reason="ident-full"})", 1);
    page.wait_for(
        R"(hpfeeds_broker_connection_error{ident="sensor",category="too-many-connections"})", 1);
    broker.wait_for_log({"login refused", "ident=sensor", "reason=ident-full"});
    expect_exchange(broker.address());

    held.pop_back();
    page.wait_for(R"(hpfeeds_broker_connection_lost{ident="sensor"})", 1);
    const WireClient again(broker.address(), sensor);
    page.wait_for(R"(hpfeeds_broker_connection_ready{ident="sensor"})", 4);
}

// Ten at once: the last waits for ten pauses and more. A right login does not wait meanwhile.
TEST(Limits, FailedLoginsOfOneAddressAreSlowed) {
    using namespace std::chrono_literals;
    const BrokerProcess broker(with_exporter({"--auth-failure-delay", "100ms", "--threads", "2"}));
    const MetricsPage page(broker);
    const auto begun = std::chrono::steady_clock::now();
    Held failing;
    for (int i = 0; i < 10; ++i)
        failing.push_back(std::make_unique<WireClient>(broker.address(), Login{"sensor", "no"}));
    page.wait_for(R"(hpfeeds_broker_connection_error{ident="sensor",category="invalid-secret"})",
                  10);
    page.wait_for("hpfeeds_broker_failed_logins_slowed", 9);
    expect_exchange(broker.address());
    for (const auto& client : failing)
        client->expect_refusal("Authentication failed for sensor");
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 1s);
}

TEST(Limits, FailedLoginsWaitForOnePauseEachWhereThatIsAskedFor) {
    const BrokerProcess broker(
        with_exporter({"--auth-failure-delay", "100ms", "--auth-failure-delay-max", "0"}));
    const MetricsPage page(broker);
    Held failing;
    for (int i = 0; i < 10; ++i)
        failing.push_back(std::make_unique<WireClient>(broker.address(), Login{"sensor", "no"}));
    for (const auto& client : failing)
        client->expect_refusal("Authentication failed for sensor");
    EXPECT_EQ(page.value("hpfeeds_broker_failed_logins_slowed"), 0);
}

// 100 a second, of which a second's worth is there at once: 400 of four connections take three
// seconds, less what a slice and a read are for each, and all of them arrive.
TEST(Limits, PublishersOverTheRateOfTheirIdentAreSlowedAndLoseNothing) {
    using namespace std::chrono_literals;
    const BrokerProcess broker(with_exporter({"--max-publish-rate", "100", "--threads", "2"}));
    const MetricsPage page(broker);
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    WireClient probe(broker.address(), both);
    wait_until_subscribed(probe, listener, "events");
    Held publishers;
    for (int i = 0; i < 4; ++i)
        publishers.push_back(std::make_unique<WireClient>(broker.address(), sensor));
    const auto begun = std::chrono::steady_clock::now();
    for (int number = 0; number < 100; ++number)
        for (std::size_t i = 0; i < publishers.size(); ++i)
            publishers[i]->publish("events", std::to_string(i) + " " + std::to_string(number) +
                                                 std::string(1'000, '.'));
    std::vector<int> next(publishers.size());
    for (int received = 0; received < 400; ++received) {
        const Message message = listener.expect_message();
        std::size_t publisher = 0;
        int number = 0;
        ASSERT_EQ(std::sscanf(message.payload.c_str(), "%zu %d", &publisher, &number), 2);
        ASSERT_EQ(number, next.at(publisher)++) << "in the order of its publisher";
    }
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 2'500ms);
    const auto some = [](double value) { return value > 0; };
    page.wait_for(R"(hpfeeds_broker_publish_pauses{ident="sensor"})", some);
    page.wait_for(R"(hpfeeds_broker_publish_paused_seconds{ident="sensor"})", some);
    broker.wait_for_log({"publisher slowed", "ident=sensor", "--max-publish-rate"});
}

TEST(Limits, BytesOverTheRateOfTheirIdentAreSlowed) {
    using namespace std::chrono_literals;
    const BrokerProcess broker(with_exporter({"--max-publish-bytes", "100K"}));
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(), sensor);
    const auto begun = std::chrono::steady_clock::now();
    const std::string payload(300 * 1024, 'x');
    publisher.publish("events", payload);
    listener.expect_message({"sensor", "events", payload});
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 1'500ms);
}

TEST(Limits, MessagesAreAcceptedAndHandedOutUpToTwoLengths) {
    const BrokerProcess broker(
        with_exporter({"--max-frame", "20K", "--max-frame-delivered", "10K"}));
    const MetricsPage page(broker);
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(), sensor);
    publisher.publish("events", std::string(11 * 1024, 'x'));
    publisher.publish("events", "short");
    listener.expect_message({"sensor", "events", "short"});
    page.wait_for("hpfeeds_broker_undelivered_frames", 1);
    page.wait_for(R"(hpfeeds_broker_receive_publish_count{ident="sensor",chan="events"})", 2);
    broker.wait_for_log({"message not handed out", "ident=sensor", "channel=events", "bytes=1128",
                         "--max-frame-delivered"});
    publisher.publish("events", std::string(21 * 1024, 'x'));
    publisher.expect_closed();
    listener.settle();
}

}  // namespace
}  // namespace hpfeeds::support
