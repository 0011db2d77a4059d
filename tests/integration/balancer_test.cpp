// SPDX-License-Identifier: Apache-2.0
// Behind a real balancer: haproxy sends PROXY headers, for plain connections, for TLS that it
// passes through, and for its own checks.
//
// haproxy is given a socket that listens already, on a port that the system chose, so that nobody
// has to wait for it: who connects before it is up is served when it is.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <sstream>
#include <string>
#include <system_error>

namespace hpfeeds::support {
namespace {

// A listening socket of this process, which a child inherits.
class Inherited {
public:
    Inherited() : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        if (::bind(descriptor_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
            ::listen(descriptor_, 64) != 0 ||
            ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
            throw std::system_error(errno, std::generic_category(), "cannot listen");
        port_ = ntohs(at.sin_port);
    }
    ~Inherited() { ::close(descriptor_); }
    Inherited(const Inherited&) = delete;
    Inherited& operator=(const Inherited&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    int descriptor_;
    std::uint16_t port_ = 0;
};

// One haproxy before one address of a broker.
class Balancer {
public:
    Balancer(const Address& broker, const std::string& how)
        : process_(command(broker, how)), address_(broker) {
        address_.port = front_.port();
    }
    // As a client sees the broker through it.
    [[nodiscard]] const Address& address() const { return address_; }

private:
    Command command(const Address& broker, const std::string& how) {
        write_file(folder_.path() / "haproxy.cfg",
                   "defaults\n"
                   "  mode tcp\n"
                   "  timeout connect 10s\n"
                   "  timeout client 60s\n"
                   "  timeout server 60s\n"
                   "listen hpfeeds\n"
                   "  bind fd@" +
                       std::to_string(front_.descriptor()) +
                       "\n"
                       "  server broker 127.0.0.1:" +
                       std::to_string(broker.port) + " " + how + "\n");
        return {.words = {HPFEEDS_HAPROXY, "-f", "haproxy.cfg", "-db"},
                .directory = folder_.path()};
    }

    TemporaryDirectory folder_;
    Inherited front_;
    Process process_;
    Address address_;
};

class BehindHaproxy : public testing::Test {
protected:
    void expect_events_and_addresses(std::size_t endpoint) {
        const Balancer balancer(broker_.address(endpoint), "send-proxy-v2");
        WireClient client(balancer.address(), both);
        client.subscribe("events");
        client.publish("events", "through haproxy");
        client.expect_message({"both", "events", "through haproxy"});

        WireClient stranger(balancer.address(), {"nobody", "x"});
        stranger.expect_refusal("Authentication failed for nobody");
        EXPECT_EQ(broker_.wait_for_log({"login refused", "nobody"}).field("peer"),
                  stranger.local_address())
            << "the client's address and port, not haproxy's";
    }

    BrokerProcess broker_{{.arguments = {"--exporter", "127.0.0.1:0"},
                           .endpoints = {any_port + ":proxy=v2:trust=127.0.0.1",
                                         any_tls_port + ":proxy=v2:trust=127.0.0.1"},
                           .listeners = 2}};
};

TEST_F(BehindHaproxy, EventsComeThroughAndAddressesAreTheClients) {
    expect_events_and_addresses(0);
}

TEST_F(BehindHaproxy, SoDoTheyWhenTlsIsPassedThrough) {
    expect_events_and_addresses(1);
}

TEST_F(BehindHaproxy, TlvsAreSteppedOver) {
    const Balancer balancer(broker_.address(0),
                            "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority");
    WireClient client(balancer.address());
    EXPECT_EQ(client.expect_info().name, "hpfeeds");
}

TEST_F(BehindHaproxy, ItsChecksAreLocalAndNoErrors) {
    const Balancer balancer(broker_.address(0), "send-proxy-v2 check inter 50ms");
    const MetricsPage metrics(broker_);
    metrics.wait_for(R"(hpfeeds_broker_proxy_headers_total{result="local"})",
                     [](double count) { return count >= 2; });
    EXPECT_EQ(broker_.log().find(" warning "), std::string::npos) << broker_.log();
}

TEST_F(BehindHaproxy, Version1IsRefusedByItsName) {
    const Balancer balancer(broker_.address(0), "send-proxy");
    WireClient client(balancer.address());
    client.expect_closed();
    const LogLine line = broker_.wait_for_log({"bad-proxy-header"});
    EXPECT_EQ(line.field("header"), "version-1");
    EXPECT_THAT(line.field("why"), testing::HasSubstr("version 2"));
}

TEST_F(BehindHaproxy, ABalancerThatSendsNoHeaderIsRefused) {
    const Balancer balancer(broker_.address(0), "");
    WireClient client(balancer.address());
    client.send(subscribe_frame("both", "events"));
    client.expect_closed();
    EXPECT_EQ(broker_.wait_for_log({"bad-proxy-header"}).field("header"), "no-header");
}

TEST(HaproxyExample, IsWhatHaproxyUnderstands) {
    const Finished checked =
        run({.words = {HPFEEDS_HAPROXY, "-c", "-f", HPFEEDS_HAPROXY_EXAMPLE "/haproxy.cfg"}});
    EXPECT_EQ(checked.ended, (Ended{.status = 0})) << checked.out << checked.err;
}

// The endpoints of the Compose file, on ports of the system's choice.
TEST(HaproxyExample, IsWhatTheBrokerUnderstands) {
    std::istringstream lines(read_file(HPFEEDS_HAPROXY_EXAMPLE "/compose.yml"));
    BrokerSetup setup{.endpoints = {}, .listeners = 0};
    const std::string begin = "     - '--endpoint=";
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(begin)) continue;
        std::string endpoint = line.substr(begin.size(), line.size() - begin.size() - 1);
        const std::size_t port = endpoint.find("port=");
        endpoint.replace(port, endpoint.find(':', port) - port, "interface=127.0.0.1:port=0");
        setup.endpoints.push_back(endpoint);
        ++setup.listeners;
    }
    ASSERT_EQ(setup.listeners, 2U);
    const BrokerProcess broker(setup);
    const Balancer balancer(broker.address(0), "send-proxy-v2");
    Address without_tls = balancer.address();
    without_tls.tls.reset();
    WireClient client(without_tls);
    client.expect_closed();  // 127.0.0.1 is not in one of Docker's networks
    broker.wait_for_log({"untrusted-proxy"});
}

}  // namespace
}  // namespace hpfeeds::support
