// SPDX-License-Identifier: Apache-2.0
// What packaging/grafana holds, against a broker that runs and a Prometheus that runs: every metric
// that a panel or an alert names is there, and every query has an answer.
//
// promtool and prometheus are Debian's; scripts/deps installs them.
#include "support/broker_process.hpp"
#include "support/certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/socket.h>

#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using nlohmann::json;

const std::filesystem::path grafana = HPFEEDS_GRAFANA;

bool has_prometheus() {
    return std::string(HPFEEDS_PROMETHEUS) != "" && std::string(HPFEEDS_PROMTOOL) != "";
}

constexpr const char* no_prometheus = "Debian's `prometheus` is missing; run scripts/deps";

// The body of an answer; HTTP/1.0, so that it comes in one piece.
std::string body_of(const Address& server, const std::string& path) {
    WireClient connection(server);
    connection.send("GET " + path + " HTTP/1.0\r\nHost: test\r\n\r\n");
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t count;
         (count = ::recv(connection.descriptor(), chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(count));
    const std::size_t end = text.find("\r\n\r\n");
    return end == std::string::npos ? "" : text.substr(end + 4);
}

// What the dashboard asks, with Grafana's variables filled in.
struct Query {
    std::string panel;
    std::string text;
};

std::string filled_in(std::string text) {
    text = std::regex_replace(text, std::regex(R"(\$__rate_interval)"), "1m");
    return std::regex_replace(text, std::regex(R"(\$instance)"), ".*");
}

std::vector<Query> dashboard_queries() {
    const json dashboard = json::parse(read_file(grafana / "dashboard.json"));
    std::vector<Query> queries;
    for (const json& panel : dashboard.at("panels"))
        if (panel.contains("targets"))
            for (const json& target : panel.at("targets"))
                queries.push_back({panel.at("title"), filled_in(target.at("expr"))});
    return queries;
}

std::vector<std::string> alert_expressions() {
    std::vector<std::string> expressions;
    std::istringstream text(read_file(grafana / "alerts.yml"));
    for (std::string line; std::getline(text, line);) {
        const std::size_t at = line.find(" expr: ");
        if (at != std::string::npos) expressions.push_back(line.substr(at + 7));
    }
    return expressions;
}

std::set<std::string> metrics_named_in(const std::string& expression) {
    static const std::regex name(R"(\b(hpfeeds|process)_[a-z_]+)");
    std::set<std::string> names;
    for (std::sregex_iterator match(expression.begin(), expression.end(), name), end; match != end;
         ++match)
        names.insert(match->str());
    return names;
}

// A broker with TLS to which everything usual has happened.
class Monitoring : public testing::Test {
protected:
    Monitoring() {
        const LogLine line = broker_.wait_for_log({"exporter listening"});
        exporter_ = {line.field("address"),
                     static_cast<std::uint16_t>(std::stoul(line.field("port")))};
        listener_.subscribe("events");
        listener_.settle();
        make_something_happen();
    }

    // A login over TLS, a refusal and a message.
    void make_something_happen() {
        WireClient over_tls(broker_.address(1), sensor);
        over_tls.settle();
        WireClient stranger(broker_.address(), {"nobody", "x"});
        while (stranger.expect_frame().opcode != op_error) {
        }
        publisher_.publish("events", "x");
        listener_.expect_message({"sensor", "events", "x"});
    }
    [[nodiscard]] std::string page() const { return body_of(exporter_, "/metrics"); }

    BrokerProcess broker_{{.arguments = {"--exporter", "127.0.0.1:0", "--auth-failure-delay", "0"},
                           .endpoints = {any_port, any_tls_port},
                           .listeners = 2}};
    Address exporter_;
    WireClient listener_{broker_.address(), logger};
    WireClient publisher_{broker_.address(), sensor};
};

TEST_F(Monitoring, PromtoolHasNothingToRemarkOnThePage) {
    if (!has_prometheus()) GTEST_SKIP() << no_prometheus;
    const Finished checked =
        run({.words = {HPFEEDS_PROMTOOL, "check", "metrics"}, .input = page()});
    EXPECT_EQ(checked.ended, (Ended{0, 0}));
    EXPECT_EQ(checked.out + checked.err, "");
}

TEST_F(Monitoring, EveryMetricOfTheDashboardAndOfTheAlertsIsOnAPage) {
    std::set<std::string> there;
    std::istringstream text(page());
    for (std::string line; std::getline(text, line);)
        if (!line.starts_with("#")) there.insert(line.substr(0, line.find_first_of("{ ")));
    std::size_t named = 0;
    const auto check = [&](const std::string& where, const std::string& expression) {
        for (const std::string& name : metrics_named_in(expression)) {
            EXPECT_TRUE(there.contains(name)) << where << " asks for " << name;
            ++named;
        }
    };
    for (const Query& query : dashboard_queries())
        check("the panel `" + query.panel + "`", query.text);
    for (const std::string& expression : alert_expressions())
        check("an alert", expression);
    EXPECT_GT(named, 60U) << "the files were not read as they are written now";
}

TEST(Alerts, AreValidAndMeetWhatTheyAreFor) {
    if (!has_prometheus()) GTEST_SKIP() << no_prometheus;
    const Finished checked =
        run({.words = {HPFEEDS_PROMTOOL, "check", "rules", "alerts.yml"}, .directory = grafana});
    EXPECT_EQ(checked.ended, (Ended{0, 0})) << checked.out << checked.err;
    const Finished tested = run(
        {.words = {HPFEEDS_PROMTOOL, "test", "rules", "alerts_test.yml"}, .directory = grafana});
    EXPECT_EQ(tested.ended, (Ended{0, 0})) << tested.out << tested.err;
    const std::string tests = read_file(grafana / "alerts_test.yml");
    std::istringstream rules(read_file(grafana / "alerts.yml"));
    for (std::string line; std::getline(rules, line);) {
        const std::size_t at = line.find("- alert: ");
        if (at == std::string::npos) continue;
        EXPECT_THAT(tests, testing::HasSubstr("- name: " + line.substr(at + 9) + "\n"));
    }
}

// ---- a Prometheus

// Scrapes one broker, several times a second, and holds the alert rules.
class Prometheus {
public:
    explicit Prometheus(const Address& exporter) {
        write_file(directory_.path() / "prometheus.yml",
                   "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n"
                   "  evaluation_interval: 200ms\n"
                   "rule_files: ['" +
                       (grafana / "alerts.yml").string() +
                       "']\nscrape_configs:\n  - job_name: hpfeeds\n    static_configs:\n"
                       "      - targets: ['" +
                       exporter.host + ":" + std::to_string(exporter.port) + "']\n");
        process_.emplace(
            Command{.words = {HPFEEDS_PROMETHEUS, "--config.file=prometheus.yml",
                              "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"},
                    .directory = directory_.path()});
        constexpr std::string_view before = "msg=\"Listening on\" address=127.0.0.1:";
        const auto line = process_->err().wait_for_line(
            [&](std::string_view text) { return text.find(before) != std::string_view::npos; });
        if (!line) throw std::runtime_error("no Prometheus: " + process_->err().text());
        address_ = {"127.0.0.1", static_cast<std::uint16_t>(
                                     std::stoul(line->substr(line->find(before) + before.size())))};
    }

    [[nodiscard]] json ask(const std::string& path) const {
        return json::parse(body_of(address_, "/api/v1/" + path), nullptr, false);
    }
    [[nodiscard]] json query(const std::string& expression) const {
        return ask("query?query=" + encoded(expression));
    }
    [[nodiscard]] static bool has_result(const json& answer) {
        return answer.is_object() && answer.value("status", "") == "success" &&
               !answer["data"]["result"].empty();
    }

private:
    static std::string encoded(const std::string& text) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        std::string out;
        for (const char byte : text) {
            const auto value = static_cast<unsigned char>(byte);
            if (std::isalnum(value)) {
                out += byte;
            } else {
                out += '%';
                out += digits[value >> 4];
                out += digits[value & 0xF];
            }
        }
        return out;
    }

    TemporaryDirectory directory_;
    std::optional<Process> process_;
    Address address_;
};

// Panels that are empty while nothing is wrong.
const std::set<std::string> empty_when_well{"Why do look-ups fail?",
                                            "Which sensors are connected, but silent for an hour?",
                                            "Whose events were dropped?", "Whose queue is long?"};

TEST_F(Monitoring, APrometheusScrapesItAndAnswersEveryQueryOfTheDashboard) {
    if (!has_prometheus()) GTEST_SKIP() << no_prometheus;
    const Prometheus prometheus(exporter_);
    // Two scrapes make a rate; what happens in between makes it one that is not zero.
    const Deadline deadline;
    const auto has_moved = [&](const std::string& counter) {
        return Prometheus::has_result(prometheus.query("rate(" + counter + "[1m]) > 0"));
    };
    while (!(has_moved("hpfeeds_broker_published_frames_total") &&
             has_moved("hpfeeds_broker_connections_closed_total{reason=\"unknown-ident\"}") &&
             has_moved("hpfeeds_broker_tls_handshakes_total")) &&
           !deadline.passed())
        make_something_happen();
    EXPECT_TRUE(Prometheus::has_result(prometheus.query("up{job=\"hpfeeds\"} == 1")));
    for (const Query& query : dashboard_queries()) {
        const json answer = prometheus.query(query.text);
        ASSERT_EQ(answer.value("status", ""), "success") << query.panel << ": " << query.text;
        EXPECT_TRUE(Prometheus::has_result(answer) || empty_when_well.contains(query.panel))
            << query.panel << ": " << query.text;
    }
}

TEST_F(Monitoring, APrometheusEvaluatesEveryAlert) {
    if (!has_prometheus()) GTEST_SKIP() << no_prometheus;
    const Prometheus prometheus(exporter_);
    const std::size_t wanted = alert_expressions().size();
    const Deadline deadline;
    std::size_t evaluated = 0;
    do {
        evaluated = 0;
        const json answer = prometheus.ask("rules?type=alert");
        if (!answer.is_object() || answer.value("status", "") != "success") continue;
        for (const json& group : answer["data"]["groups"])
            for (const json& rule : group["rules"])
                if (rule.value("health", "") == "ok") ++evaluated;
    } while (evaluated < wanted && !deadline.passed());
    EXPECT_GT(wanted, 15U);
    EXPECT_EQ(evaluated, wanted);
}

}  // namespace
}  // namespace hpfeeds::support
