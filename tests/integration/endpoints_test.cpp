// SPDX-License-Identifier: Apache-2.0
// What an endpoint may say beside its address: docs/operating/endpoints.md.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"
#include "support/proxy_header.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::support {
namespace {

// ---- allow=publish, allow=subscribe ----

// A push side, a pull side, and a push side with TLS.
BrokerSetup two_sides() {
    return {.arguments = {"--exporter", "127.0.0.1:0", "--threads", "2"},
            .endpoints = {any_port + ":allow=publish", any_port + ":allow=subscribe",
                          any_tls_port + ":allow=publish"},
            .listeners = 3};
}

class TwoSides : public testing::Test {
protected:
    static constexpr std::size_t push = 0, pull = 1, push_over_tls = 2;
    BrokerProcess broker_{two_sides()};
};

TEST_F(TwoSides, CarryEventsFromOneToTheOther) {
    WireClient listener(broker_.address(pull), both);
    WireClient plain(broker_.address(push), both);
    WireClient encrypted(broker_.address(push_over_tls), both);
    listener.subscribe("events");
    // A SUBSCRIBE has no acknowledgement: the first event is told until it is heard.
    while (!listener.poll_frame(std::chrono::milliseconds(20)))
        plain.publish("events", "is somebody there?");
    encrypted.publish("events", "over TLS");
    while (listener.expect_message().payload != "over TLS") {
    }
}

TEST_F(TwoSides, RefuseASubscriberOnThePushSide) {
    const MetricsPage metrics(broker_);
    for (const std::size_t side : {push, push_over_tls}) {
        WireClient client(broker_.address(side), both);
        client.subscribe("events");
        client.expect_refusal("Endpoint not allowed to sub here. ident=both, chan=events");
    }
    const LogLine line = broker_.wait_for_log({"subscribe refused"});
    EXPECT_EQ(line.field("ident"), "both");
    EXPECT_EQ(line.field("channel"), "events");
    EXPECT_EQ(line.field("reason"), "endpoint-publish-only");
    EXPECT_THAT(line.field("why"), testing::HasSubstr("allow=publish"));
    metrics.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="endpoint-publish-only"})",
                     2);
    metrics.wait_for(
        R"(hpfeeds_broker_connection_error_total{ident="both",category="endpoint-publish-only"})",
        2);
}

TEST_F(TwoSides, RefuseAPublisherOnThePullSide) {
    const MetricsPage metrics(broker_);
    WireClient client(broker_.address(pull), both);
    client.publish("events", "x");
    client.expect_refusal("Endpoint not allowed to pub here. ident=both, chan=events");
    const LogLine line = broker_.wait_for_log({"publish refused"});
    EXPECT_EQ(line.field("reason"), "endpoint-subscribe-only");
    metrics.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="endpoint-subscribe-only"})",
                     1);
}

// ---- unix:path=…:mode=… ----

namespace fs = std::filesystem;

BrokerSetup at_a_file(const std::string& fields = "") {
    return {.arguments = {"--exporter", "127.0.0.1:0"},
            .endpoints = {"unix:path=broker.sock" + fields}};
}

void expect_exchange(const Address& address) {
    WireClient client(address, both);
    client.subscribe("events");
    client.publish("events", "hello");
    client.expect_message({"both", "events", "hello"});
}

// A broker that cannot start: its exit status and what it says.
Finished failed_start(const std::vector<std::string>& arguments, const TemporaryDirectory& folder) {
    return run(broker_command(arguments, folder));
}

TEST(UnixEndpoint, CarriesEventsBetweenAFileAndAPort) {
    BrokerSetup setup = at_a_file();
    setup.endpoints.push_back(any_port);
    setup.listeners = 2;
    const BrokerProcess broker(setup);
    expect_exchange(broker.address(0));
    WireClient listener(broker.address(1), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(0), sensor);
    publisher.publish("events", "from a file to a port");
    listener.expect_message({"sensor", "events", "from a file to a port"});
}

TEST(UnixEndpoint, IsForWhomItsModeSays) {
    const BrokerProcess open(at_a_file(":mode=666")), usual(at_a_file());
    const auto mode = [](const BrokerProcess& broker) {
        return static_cast<unsigned>(fs::status(broker.address().host).permissions());
    };
    EXPECT_EQ(mode(open), 0666U);
    EXPECT_EQ(mode(usual), 0660U);
}

TEST(UnixEndpoint, TellsTheLogWhoCame) {
    const BrokerProcess broker(at_a_file(":allow=publish"));
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.expect_refusal("Endpoint not allowed to sub here. ident=both, chan=events");
    EXPECT_EQ(broker.wait_for_log({"subscribe refused"}).field("peer"),
              "unix:pid=" + std::to_string(getpid()) + ",uid=" + std::to_string(geteuid()));
}

TEST(UnixEndpoint, GoesWithItsBroker) {
    BrokerProcess broker(at_a_file());
    ASSERT_TRUE(fs::exists(broker.address().host));
    EXPECT_EQ(broker.stop(), 0);
    EXPECT_FALSE(fs::exists(broker.address().host));
}

TEST(UnixEndpoint, TakesTheFileOfABrokerThatDied) {
    BrokerProcess first(at_a_file());
    first.process().signal(SIGKILL);
    first.process().wait();
    const std::string path = first.address().host;
    ASSERT_TRUE(fs::exists(path)) << "it could not tidy up";
    const BrokerProcess second({.endpoints = {"unix:path=" + path}});
    expect_exchange(second.address());
}

TEST(UnixEndpoint, LeavesALiveBrokerAlone) {
    const BrokerProcess first(at_a_file());
    const TemporaryDirectory folder;
    const Finished second =
        failed_start({"-e", "unix:path=" + first.address().host, "--auth", "env"}, folder);
    EXPECT_EQ(second.ended.status, 1);
    EXPECT_THAT(second.err, testing::HasSubstr("another program listens there"));
    expect_exchange(first.address());
}

TEST(UnixEndpoint, LeavesNoFileWhenAnotherEndpointCannotBeHad) {
    const BrokerProcess other;
    const TemporaryDirectory folder;
    const Finished broker = failed_start(
        {"-e", "unix:path=broker.sock", "-e",
         "tcp:interface=127.0.0.1:port=" + std::to_string(other.address().port), "--auth", "env"},
        folder);
    EXPECT_EQ(broker.ended.status, 1);
    EXPECT_FALSE(fs::exists(folder.path() / "broker.sock"));
}

TEST(UnixEndpoint, SaysWhenThePathIsTooLong) {
    const TemporaryDirectory folder;
    const Finished broker = failed_start({"-e", "unix:path=/" + std::string(107, 'p')}, folder);
    EXPECT_EQ(broker.ended.status, 2);
    EXPECT_THAT(broker.err, testing::HasSubstr("a socket's may have 107; choose a shorter one"));
}

// ---- our command line over it ----

Finished run_client(const BrokerProcess& broker, std::vector<std::string> words) {
    words.insert(words.begin(), command_line_client_binary());
    const std::vector<std::string> login{
        "--host", "unix:" + broker.address().host, "-i", "both", "-s", "both-secret", "-c",
        "events"};
    words.insert(words.begin() + 2, login.begin(), login.end());
    return run({.words = words});
}

TEST(UnixEndpoint, IsReachedByTheCommandLineClient) {
    const BrokerProcess broker(at_a_file());
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    listener.settle();
    const Finished published = run_client(broker, {"publish", "from the command line"});
    EXPECT_EQ(published.ended.status, 0) << published.err;
    listener.expect_message({"both", "events", "from the command line"});
}

TEST(UnixEndpoint, TellsTheCommandLineClientWhatIsWrong) {
    BrokerProcess broker(at_a_file());
    const Finished with_tls = run_client(broker, {"publish", "--tls", "x"});
    EXPECT_EQ(with_tls.ended.status, 2);
    EXPECT_THAT(with_tls.err, testing::HasSubstr("there is no TLS on a Unix socket"));
    EXPECT_EQ(broker.stop(), 0);
    const Finished nobody = run_client(broker, {"publish", "x"});
    EXPECT_NE(nobody.ended.status, 0);
    EXPECT_THAT(nobody.err, testing::HasSubstr("unix:" + broker.address().host + ": No such file"));
}

// ---- proxy=v2 ----

BrokerSetup behind_a_balancer(const std::string& fields = ":trust=127.0.0.0/8") {
    return {.arguments = {"--exporter", "127.0.0.1:0", "--debug", "--threads", "2"},
            .endpoints = {any_port + ":proxy=v2" + fields, any_tls_port + ":proxy=v2" + fields},
            .listeners = 2};
}

Address after(Address address, std::string preface) {
    address.preface = std::move(preface);
    return address;
}

class BehindABalancer : public testing::Test {
protected:
    static constexpr std::size_t plain = 0, encrypted = 1;

    // A counter of what came of the headers.
    [[nodiscard]] static std::string headers(const std::string& result) {
        return "hpfeeds_broker_proxy_headers_total{result=\"" + result + "\"}";
    }
    BrokerProcess broker_{behind_a_balancer()};
    MetricsPage metrics_{broker_};
};

TEST_F(BehindABalancer, TheLogSeesThePeerBehindIt) {
    for (const std::size_t where : {plain, encrypted}) {
        const std::string ident = "nobody-" + std::to_string(where);
        WireClient client(
            after(broker_.address(where),
                  proxy_header_from("192.0.2.1", 4242, proxy_tlv(2, "sensors.example"))),
            {ident, "x"});
        client.expect_refusal("Authentication failed for " + ident);
        EXPECT_EQ(broker_.wait_for_log({"login refused", ident}).field("peer"), "192.0.2.1:4242");
    }
    WireClient client(after(broker_.address(plain), proxy_header_from("2001:db8::1", 1)),
                      {"nobody-v6", "x"});
    client.expect_refusal("Authentication failed for nobody-v6");
    EXPECT_EQ(broker_.wait_for_log({"login refused", "nobody-v6"}).field("peer"),
              "[2001:db8::1]:1");
    metrics_.wait_for(headers("named"), 3);
}

TEST_F(BehindABalancer, EventsComeThrough) {
    for (const std::size_t where : {plain, encrypted})
        expect_exchange(after(broker_.address(where), proxy_header_from("192.0.2.1", 1)));
}

TEST_F(BehindABalancer, NothingIsSaidBeforeTheHeaderIsThere) {
    WireClient client(broker_.address(plain));
    const std::string header = proxy_header_from("192.0.2.1", 1);
    client.send(header.substr(0, header.size() - 1));
    // Another connection comes and goes meanwhile; the first one has still heard nothing.
    expect_exchange(after(broker_.address(plain), proxy_header_from("192.0.2.2", 1)));
    EXPECT_FALSE(client.poll_frame(std::chrono::milliseconds(0)));
    client.send(header.substr(header.size() - 1));
    EXPECT_EQ(client.expect_info().name, "hpfeeds");
}

TEST_F(BehindABalancer, AHeaderMayComeInAnyPiecesAndTheLoginWithIt) {
    WireClient torn(broker_.address(plain));
    for (const char byte : proxy_header_from("192.0.2.1", 1))
        torn.send(std::string(1, byte));
    torn.expect_info();
    // A client that does not wait for INFO is refused for that, not for its header.
    WireClient hasty(after(broker_.address(plain),
                           proxy_header_from("192.0.2.3", 9) + subscribe_frame("both", "events")));
    hasty.expect_info();
    hasty.expect_refusal("First message was not AUTH");
    EXPECT_EQ(broker_.wait_for_log({"login refused"}).field("peer"), "192.0.2.3:9");
}

TEST_F(BehindABalancer, WhoIsNotNamedIsTheBalancer) {
    const std::vector<std::pair<std::string, std::string>> headers_of{
        {"local", proxy_header_local()}, {"unnamed", proxy_header(0x21, 0x00, "")}};
    for (const auto& [result, header] : headers_of) {
        WireClient client(after(broker_.address(plain), header));
        client.expect_info();
        client.auth({"nobody-" + result, "x"});
        EXPECT_EQ(broker_.wait_for_log({"login refused", "nobody-" + result}).field("peer"),
                  client.local_address());
        metrics_.wait_for(headers(result), 1);
    }
}

TEST_F(BehindABalancer, WhatIsNoHeaderIsRefused) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"no-header", "GET / HTTP/1.1\r\n\r\n"},
        {"version-1", "PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n"},
        {"unknown-version", proxy_header(0x31, 0x11, std::string(12, '\1'))},
        {"unknown-command", proxy_header(0x22, 0x11, std::string(12, '\1'))},
        {"unknown-family", proxy_header(0x21, 0x41, std::string(12, '\1'))},
        {"too-long", proxy_header(0x21, 0x11, std::string(60'000, '\1'))},
        {"short-addresses", proxy_header(0x21, 0x11, std::string(11, '\1'))},
        {"broken-tlv", proxy_header_from("192.0.2.1", 1, "\1\x7f\x7f")}};
    for (const auto& [header, bytes] : cases) {
        WireClient client(broker_.address(plain));
        client.send(bytes);
        client.expect_closed();
        const LogLine line = broker_.wait_for_log({"connection refused", "header=" + header});
        EXPECT_EQ(line.field("peer"), client.local_address());
        EXPECT_EQ(line.field("reason"), "bad-proxy-header");
        EXPECT_NE(line.field("why"), "");
        metrics_.wait_for("hpfeeds_broker_bad_proxy_headers_total{header=\"" + header + "\"}", 1);
    }
    metrics_.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="bad-proxy-header"})", 8);
    metrics_.wait_for("hpfeeds_broker_client_connections", 0);
}

TEST_F(BehindABalancer, WhoLeavesGivesHisPlaceBack) {
    WireClient(broker_.address(plain)).send(proxy_header_from("192.0.2.1", 1).substr(0, 20));
    metrics_.wait_for(headers("peer-left"), 1);
    static_cast<void>(WireClient(broker_.address(plain)));
    metrics_.wait_for(headers("probe"), 1);
}

TEST(ProxyHeaders, MustComeWithinTheLoginDeadline) {
    BrokerSetup setup = behind_a_balancer();
    setup.arguments.insert(setup.arguments.end(), {"--login-deadline", "200ms"});
    const BrokerProcess broker(setup);
    const MetricsPage metrics(broker);
    const std::string header = proxy_header_from("192.0.2.1", 1);
    WireClient silent(broker.address(0)), drip(broker.address(0));
    for (std::size_t at = 0; at + 1 < header.size(); ++at)
        drip.send(header.substr(at, 1));
    silent.expect_closed();
    drip.expect_closed();
    EXPECT_EQ(broker.wait_for_log({"proxy-header-deadline"}).field("peer"), silent.local_address());
    metrics.wait_for(R"(hpfeeds_broker_proxy_headers_total{result="proxy-header-deadline"})", 2);
}

TEST(ProxyHeaders, DoNotExcuseFromLoggingIn) {
    BrokerSetup setup = behind_a_balancer();
    setup.arguments.insert(setup.arguments.end(), {"--login-deadline", "200ms"});
    const BrokerProcess broker(setup);
    WireClient client(after(broker.address(0), proxy_header_from("192.0.2.1", 1)));
    client.expect_info();
    client.expect_refusal("First message was not AUTH");
    EXPECT_EQ(broker.wait_for_log({"login-deadline"}).field("peer"), "192.0.2.1:1");
}

TEST(ProxyHeaders, AreBelievedFromThoseWhoAreTrusted) {
    const BrokerProcess broker(behind_a_balancer(":trust=192.0.2.0/24"));
    const MetricsPage metrics(broker);
    for (const std::size_t where : {0, 1}) {
        Address address = broker.address(where);
        address.tls.reset();
        WireClient forger(after(address, proxy_header_from("192.0.2.1", 1)));
        forger.expect_closed();
        EXPECT_EQ(broker.wait_for_log({"untrusted-proxy", forger.local_address()}).field("peer"),
                  forger.local_address());
    }
    metrics.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="untrusted-proxy"})", 2);
}

TEST(ProxyHeaders, FromAnybodyAreWarnedOf) {
    const BrokerProcess broker(behind_a_balancer(""));
    EXPECT_EQ(broker.wait_for_log({"PROXY headers are believed from anybody"}).head.find("error"),
              std::string::npos);
    expect_exchange(after(broker.address(0), proxy_header_from("192.0.2.1", 1)));
}

TEST(ProxyHeaders, ComeByUnixSocketsToo) {
    const BrokerProcess broker(at_a_file(":proxy=v2:allow=publish"));
    WireClient client(after(broker.address(), proxy_header_from("192.0.2.1", 4242)), both);
    client.subscribe("events");
    client.expect_refusal("Endpoint not allowed to sub here. ident=both, chan=events");
    EXPECT_EQ(broker.wait_for_log({"subscribe refused"}).field("peer"), "192.0.2.1:4242");
}

TEST(ProxyHeaders, GiveEachPeerItsOwnPlaces) {
    BrokerSetup setup = behind_a_balancer();
    setup.arguments.insert(setup.arguments.end(), {"--max-connections-per-address", "1"});
    const BrokerProcess broker(setup);
    const MetricsPage metrics(broker);
    const auto from = [&](const std::string& address, std::size_t endpoint = 0) {
        return after(broker.address(endpoint), proxy_header_from(address, 1));
    };
    WireClient first(from("192.0.2.1")), other(from("192.0.2.2", 1));
    first.expect_info();
    other.expect_info();
    WireClient second(from("192.0.2.1"));
    second.expect_closed();
    EXPECT_ANY_THROW(WireClient(from("192.0.2.2", 1)).expect_info());
    metrics.wait_for(R"(hpfeeds_broker_connections_refused_total{limit="address"})", 2);
    EXPECT_EQ(broker.wait_for_log({"address-full", "192.0.2.1"}).field("peer"), "192.0.2.1:1");
    // The balancer's own connections are not bounded so.
    WireClient check(after(broker.address(0), proxy_header_local()));
    WireClient again(after(broker.address(0), proxy_header_local()));
    check.expect_info();
    again.expect_info();
}

TEST(ProxyHeaders, TakeNoMoreConnectionsThanThereArePlaces) {
    BrokerSetup setup = behind_a_balancer();
    setup.arguments.insert(setup.arguments.end(), {"--max-connections", "2"});
    const BrokerProcess broker(setup);
    const MetricsPage metrics(broker);
    const WireClient waits(broker.address(0));
    WireClient served(after(broker.address(0), proxy_header_from("192.0.2.1", 1)));
    served.expect_info();
    WireClient third(broker.address(0));
    third.expect_closed();
    metrics.wait_for(R"(hpfeeds_broker_connections_refused_total{limit="connections"})", 1);
}

}  // namespace
}  // namespace hpfeeds::support
