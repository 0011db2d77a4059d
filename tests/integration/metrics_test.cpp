// SPDX-License-Identifier: Apache-2.0
// GET /metrics and /healthz of a running broker, after traffic whose numbers are known.
#include "support/broker_process.hpp"
#include "support/certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <sstream>
#include <string>
#include <thread>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

struct Answer {
    int status = 0;
    std::string head;
    std::string body;
};

Answer ask(const Address& exporter, const std::string& method, const std::string& path) {
    WireClient connection(exporter);
    connection.send(method + " " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t count;
         (count = ::recv(connection.descriptor(), chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(count));
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) throw std::runtime_error("no HTTP answer: " + text);
    return {std::stoi(text.substr(text.find(' ') + 1)), text.substr(0, end), text.substr(end + 4)};
}

class Metrics : public testing::Test {
protected:
    Metrics() {
        const LogLine line = broker_.wait_for_log({"exporter listening"});
        exporter_ = {line.field("address"),
                     static_cast<std::uint16_t>(std::stoul(line.field("port")))};
    }

    // The value of the sample that is written `name`, labels included in upstream's order.
    [[nodiscard]] std::string value(const std::string& name) const {
        std::istringstream text(ask(exporter_, "GET", "/metrics").body);
        for (std::string line; std::getline(text, line);)
            if (line.starts_with(name + " ")) return line.substr(name.size() + 1);
        return "no " + name;
    }
    // Counters are read by another thread than the one that counts: ask until the value is there.
    void expect_value(const std::string& name, const std::string& wanted) const {
        const Deadline deadline;
        std::string found;
        do {
            found = value(name);
        } while (found != wanted && !deadline.passed());
        EXPECT_EQ(found, wanted) << name;
    }
    void expect_counter(const std::string& name, const std::string& labels,
                        const std::string& wanted) const {
        expect_value(name + labels, wanted);
        expect_value(name + "_total" + labels, wanted);
    }

    BrokerProcess broker_{{.arguments = {"--exporter", "127.0.0.1:0", "--auth-failure-delay", "0"},
                           .endpoints = {any_port, any_tls_port},
                           .listeners = 2}};
    Address exporter_;
};

TEST_F(Metrics, HealthzAnswersAnEmptyObject) {
    const Answer answer = ask(exporter_, "GET", "/healthz");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "{}");
    EXPECT_THAT(answer.head, HasSubstr("application/json; charset=utf-8"));
}

TEST_F(Metrics, ReadyzSaysReadyAndWhatWasLookedAt) {
    const Deadline deadline;
    Answer answer;
    do {
        answer = ask(exporter_, "GET", "/readyz");
    } while (answer.status != 200 && !deadline.passed());
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_THAT(answer.body, testing::StartsWith("ready\n"));
    EXPECT_THAT(answer.body, HasSubstr("listeners: they accept"));
    EXPECT_THAT(answer.body, HasSubstr("users.json: it answers"));
    EXPECT_THAT(answer.head, HasSubstr("text/plain"));
}

TEST_F(Metrics, TheLatencyOfLoginsIsCounted) {
    WireClient client(broker_.address(), both);
    client.settle();
    EXPECT_THROW(WireClient(broker_.address(), {"nobody", "x"}).settle(), std::exception);
    expect_value("hpfeeds_broker_login_seconds_count", "2");
    expect_value(R"(hpfeeds_broker_login_seconds_bucket{le="+Inf"})", "2");
    EXPECT_GT(std::stod(value("hpfeeds_broker_login_seconds_sum")), 0);
}

TEST_F(Metrics, TurnsAreTimed) {
    WireClient client(broker_.address(), both);
    client.settle();
    const std::string turn = "hpfeeds_broker_shard_turn_seconds";
    EXPECT_GT(std::stod(value(turn + R"(_count{shard="0"})")), 0);
    EXPECT_GT(std::stod(value(turn + R"(_sum{shard="0"})")), 0);
    EXPECT_GT(std::stod(value(turn + R"(_bucket{shard="0",le="1.6e-05"})")), -1);
}

TEST_F(Metrics, TellWhichBrokerThisIs) {
    EXPECT_THAT(ask(exporter_, "GET", "/metrics").body,
                testing::ContainsRegex(
                    "\nhpfeeds_build_info.version=\"[0-9.]+\",compiler=\"[^\"]+\". 1\n"));
}

TEST_F(Metrics, AFloodOfIdentsIsCountedAsOther) {
    constexpr int flood = 1'200;  // 1 000 strangers have a name
    for (int i = 0; i < flood; ++i) {
        WireClient stranger(broker_.address(), {"stranger-" + std::to_string(i), "x"});
        while (stranger.expect_frame().opcode != op_error) {
        }
    }
    expect_counter("hpfeeds_broker_connection_error", R"({ident="other",category="invalid-ident"})",
                   "200");
    expect_counter("hpfeeds_broker_connection_error",
                   R"({ident="stranger-999",category="invalid-ident"})", "1");
}

TEST_F(Metrics, OtherPathsAndMethodsAreRefused) {
    EXPECT_EQ(ask(exporter_, "GET", "/nothing").status, 404);
    EXPECT_EQ(ask(exporter_, "POST", "/metrics").status, 405);
}

TEST_F(Metrics, AreTextThatNamesItsCharset) {
    const Answer answer = ask(exporter_, "GET", "/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.head, HasSubstr("text/plain"));
    EXPECT_THAT(answer.head, HasSubstr("charset=utf-8"));
    for (const char* name : {"process_resident_memory_bytes", "process_cpu_seconds_total",
                             "process_open_fds", "process_max_fds", "process_start_time_seconds"})
        EXPECT_THAT(answer.body, HasSubstr(std::string("\n") + name + " "));
}

TEST_F(Metrics, CountConnections) {
    expect_value("hpfeeds_broker_client_connections", "0");
    {
        WireClient silent(broker_.address());
        WireClient client(broker_.address(), both);
        client.settle();
        expect_value("hpfeeds_broker_client_connections", "2");
        expect_counter("hpfeeds_broker_connection_made", "", "2");
        expect_counter("hpfeeds_broker_connection_ready", R"({ident="both"})", "1");
        expect_value(R"(hpfeeds_client_authenticated_connections{ident="both",owner="lab"})", "1");
    }
    expect_value("hpfeeds_broker_client_connections", "0");
    expect_counter("hpfeeds_broker_connection_lost", R"({ident="both"})", "1");
    expect_counter("hpfeeds_broker_connection_lost", R"({ident="None"})", "1");
    expect_value(R"(hpfeeds_client_authenticated_connections{ident="both",owner="lab"})", "0");
}

TEST_F(Metrics, CountMessagesAndTheirSizes) {
    WireClient listener(broker_.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker_.address(), sensor);
    publisher.publish("events", std::string(1024, 'a'));
    publisher.publish("events", std::string(1025, 'b'));
    publisher.publish("events", "");
    for (int count = 0; count < 3; ++count)
        listener.expect_message();
    const std::string labels = R"(ident="sensor",chan="events")";
    expect_counter("hpfeeds_broker_receive_publish_count", "{" + labels + "}", "3");
    const std::string size = "hpfeeds_broker_receive_publish_size";
    const auto bucket = [&](const std::string& le) {
        return size + "_bucket{" + labels + ",le=\"" + le + "\"}";
    };
    const std::string body = ask(exporter_, "GET", "/metrics").body;
    EXPECT_THAT(body, HasSubstr(size + "_bucket"));
    expect_value(size + "_count{" + labels + "}", "3");
    expect_value(size + "_sum{" + labels + "}", "2049");
    expect_value(bucket("+Inf"), "3");
    expect_value(R"(hpfeeds_broker_subscriptions{ident="logger",chan="events"})", "1");
    listener.close();
    expect_value(R"(hpfeeds_broker_subscriptions{ident="logger",chan="events"})", "0");
}

TEST_F(Metrics, CountErrorsByCategory) {
    const auto refuse = [&](const Login& login, const std::string& bytes) {
        WireClient client(broker_.address(), login);
        client.send(bytes);
        while (client.expect_frame().opcode != op_error) {
        }
    };
    const std::string errors = "hpfeeds_broker_connection_error";
    refuse({"nobody", "x"}, "");
    expect_counter(errors, R"({ident="nobody",category="invalid-ident"})", "1");
    refuse({"sensor", "x"}, "");
    expect_counter(errors, R"({ident="sensor",category="invalid-secret"})", "1");
    refuse(sensor, publish_frame("both", "events", "x"));
    expect_counter(errors, R"({ident="both",category="ident-mismatch-pub"})", "1");
    refuse(sensor, publish_frame("sensor", "secrets", "x"));
    expect_counter(errors, R"({ident="sensor",category="no-pub-permission"})", "1");
    refuse(sensor, subscribe_frame("sensor", "events"));
    expect_counter(errors, R"({ident="sensor",category="no-sub-permission"})", "1");
    WireClient early(broker_.address());
    early.expect_info();
    early.send(subscribe_frame("sensor", "events"));
    early.expect_frame();
    expect_counter(errors, R"({ident="",category="invalid-first-message"})", "1");
}

TEST_F(Metrics, UnsubscribingWhatWasNotSubscribedChangesNoGauge) {
    WireClient client(broker_.address(), both);
    client.unsubscribe("events");
    client.subscribe("events");
    client.subscribe("events");
    client.settle();
    expect_value(R"(hpfeeds_broker_subscriptions{ident="both",chan="events"})", "1");
    client.unsubscribe("events");
    client.unsubscribe("events");
    client.settle();
    expect_value(R"(hpfeeds_broker_subscriptions{ident="both",chan="events"})", "0");
}

TEST(MetricsOff, WithoutExporterNoHttpPortIsOpened) {
    BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.settle();
    EXPECT_EQ(broker.log().find("exporter"), std::string::npos);
}

// ---- /readyz ----

Address exporter_of(const BrokerProcess& broker) {
    const LogLine line = broker.wait_for_log({"exporter listening"});
    return {line.field("address"), static_cast<std::uint16_t>(std::stoul(line.field("port")))};
}

// Asks until the answer has the status.
Answer wait_for_status(const Address& exporter, int status) {
    const Deadline deadline;
    Answer answer;
    do {
        answer = ask(exporter, "GET", "/readyz");
    } while (answer.status != status && !deadline.passed());
    return answer;
}

TEST(Readyz, SaysNotReadyFromTheSignalOnWhileWhatIsQueuedIsHandedOut) {
    BrokerProcess broker({.arguments = {"--exporter", "127.0.0.1:0", "--shutdown-grace", "10m"}});
    const Address exporter = exporter_of(broker);
    EXPECT_EQ(wait_for_status(exporter, 200).status, 200);
    WireClient reader(broker.address(), logger, 4096);  // the broker has to wait for it
    reader.subscribe("events");
    reader.settle();
    WireClient publisher(broker.address(), sensor);
    for (int count = 0; count < 100; ++count)
        publisher.publish("events", std::string(100'000, 'p'));
    publisher.settle();
    broker.process().signal(SIGTERM);
    const Answer answer = wait_for_status(exporter, 503);
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.body, testing::StartsWith("not ready\n"));
    EXPECT_THAT(answer.body, HasSubstr("the broker stops"));
    EXPECT_EQ(ask(exporter, "GET", "/healthz").status, 200) << "alive, and not to be killed";
    reader.close();
    EXPECT_EQ(broker.process().wait(), (Ended{0, 0}));
}

// ---- TLS ----

TEST_F(Metrics, TlsHandshakesAreCountedByHowTheyEnd) {
    const std::string handshakes = "hpfeeds_broker_tls_handshakes";
    Address tls = broker_.address(1);
    {
        WireClient first(tls, both);
        first.settle();
        tls.tls->session = first.tls()->session();
    }
    const WireClient resumed(tls);
    expect_counter(handshakes, R"({result="full"})", "1");
    expect_counter(handshakes, R"({result="resumed"})", "1");
    tls.tls.reset();
    {
        WireClient browser(tls);
        browser.send("GET / HTTP/1.1\r\n\r\n");
        browser.expect_closed();
    }
    expect_counter(handshakes, R"({result="plain-http"})", "1");
    expect_counter(handshakes, R"({result="no-agreement"})", "0");
    const WireClient silent(tls);
    expect_value("hpfeeds_broker_tls_handshakes_under_way", "1");
}

TEST_F(Metrics, BrokenTlsRecordsAreCounted) {
    WireClient client(broker_.address(1), both);
    client.settle();
    client.tls()->encrypt("text");
    std::string record = client.tls()->take_output();
    record.back() = static_cast<char>(record.back() ^ 1);
    ASSERT_EQ(::send(client.descriptor(), record.data(), record.size(), 0),
              static_cast<ssize_t>(record.size()));
    client.expect_closed();
    expect_counter("hpfeeds_broker_tls_violations", "", "1");
}

TEST_F(Metrics, CertificatesTellTheirDateAndTheirChanges) {
    const std::string labels = "{endpoint=\"" + any_tls_port;
    const std::string expiry = "hpfeeds_broker_tls_certificate_expiry_seconds" + labels + "\"}";
    const std::string changes = "hpfeeds_broker_tls_certificate_changes";
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
    const double hours_left = (std::stod(value(expiry)) - now.count()) / 3600;
    EXPECT_GT(hours_left, 23);
    EXPECT_LE(hours_left, 24);

    const Identity next = make_identity({.ends_in = std::chrono::hours(48)});
    write_file(broker_.directory().path() / "broker.key", next.key);
    write_file(broker_.directory().path() / "broker.crt", next.certificate);
    expect_counter(changes, labels + "\",result=\"done\"}", "1");
    EXPECT_GT((std::stod(value(expiry)) - now.count()) / 3600, 47);
    write_file(broker_.directory().path() / "broker.crt", "garbage");
    broker_.wait_for_log({"not taken over", "no certificate in PEM"});
    EXPECT_NE(value(changes + "_total" + labels + "\",result=\"refused\"}"), "0");
}

// ---- threads ----

TEST(Threads, AutoIsHalfTheProcessorsAndAtLeastOne) {
    const BrokerProcess broker({.arguments = {"--threads", "auto", "--exporter", "127.0.0.1:0"}});
    const LogLine line = broker.wait_for_log({"exporter listening"});
    const Address exporter{line.field("address"),
                           static_cast<std::uint16_t>(std::stoul(line.field("port")))};
    const std::string body = ask(exporter, "GET", "/metrics").body;
    const unsigned wanted = std::clamp(std::thread::hardware_concurrency() / 2, 1U, 64U);
    const auto turns_of = [](unsigned shard) {
        return "hpfeeds_broker_shard_turns{shard=\"" + std::to_string(shard) + "\"}";
    };
    EXPECT_THAT(body, HasSubstr(turns_of(wanted - 1)));
    EXPECT_THAT(body, testing::Not(HasSubstr(turns_of(wanted))));
}

}  // namespace
}  // namespace hpfeeds::support
