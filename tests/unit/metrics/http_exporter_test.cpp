// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_exporter.hpp"

#include "hpfeeds/error.hpp"
#include "metrics/limits.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::metrics {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// The smallest HTTP client: writes bytes, reads until the other side closes.
class Peer {
public:
    explicit Peer(std::uint16_t port, int family = AF_INET)
        : socket_(::socket(family, SOCK_STREAM, 0)) {
        const timeval patience{30, 0};  // so that a broken exporter fails the test, not hangs it
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        int result = -1;
        if (family == AF_INET6) {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(port);
            address.sin6_addr = in6addr_loopback;
            result = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        } else {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            result = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        }
        connected_ = result == 0;
    }
    ~Peer() { ::close(socket_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ASSERT_GT(count, 0) << errno;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    // Everything up to the end of the stream; "reset" in the text when that is not how it ended.
    [[nodiscard]] std::string read_all() const {
        std::string out;
        std::array<char, 65'536> bytes;
        for (;;) {
            const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
            if (count == 0) return out;
            if (count < 0) return out + " reset, errno " + std::to_string(errno);
            out.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }

private:
    int socket_;
    bool connected_ = false;
};

std::string ask(std::uint16_t port, std::string_view request, int family = AF_INET) {
    const Peer peer(port, family);
    EXPECT_TRUE(peer.connected());
    peer.send(request);
    return peer.read_all();
}

std::string get(std::uint16_t port, const std::string& path) {
    return ask(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

std::vector<Page> pages_with(std::function<std::string()> render) {
    return {{"/metrics",
             [render = std::move(render)](std::string_view) {
                 return Response{Response::Status::ok, plain_text, render()};
             }},
            {"/healthz", [](std::string_view) {
                 return Response{Response::Status::ok, json_text, "{}"};
             }}};
}

HttpExporter exporter_of(std::string text) {
    return {"127.0.0.1", 0, pages_with([text = std::move(text)] { return text; })};
}

bool has_ipv6() {
    return Peer(1, AF_INET6).connected() || errno == ECONNREFUSED;
}

TEST(HttpExporter, AnswersMetricsWithWhatIsRendered) {
    const HttpExporter exporter = exporter_of("up 1\n");
    ASSERT_NE(exporter.port(), 0);
    const std::string answer = get(exporter.port(), "/metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 5\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nup 1\n"));
}

TEST(HttpExporter, RendersAnewForEachScrape) {
    std::atomic<int> scrapes = 0;
    const HttpExporter exporter("127.0.0.1", 0,
                                pages_with([&] { return std::to_string(++scrapes); }));
    EXPECT_THAT(get(exporter.port(), "/metrics"), EndsWith("\r\n\r\n1"));
    EXPECT_THAT(get(exporter.port(), "/metrics?x=y"), EndsWith("\r\n\r\n2"));
}

TEST(HttpExporter, SaysThatItIsHealthy) {
    const HttpExporter exporter = exporter_of("");
    const std::string answer = get(exporter.port(), "/healthz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json; charset=utf-8\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n{}"));
}

TEST(HttpExporter, HasNothingElse) {
    const HttpExporter exporter = exporter_of("");
    for (const char* path : {"/", "/metrics/", "/Metrics", "/healthz/x", "*", "/../etc/passwd"})
        EXPECT_THAT(get(exporter.port(), path), StartsWith("HTTP/1.1 404 ")) << path;
}

TEST(HttpExporter, GivesAPageItsQueryAndTakesItsStatus) {
    const HttpExporter exporter(
        "127.0.0.1", 0, {{"/list", [](std::string_view query) -> Response {
                              if (query == "limit=3")
                                  return {Response::Status::ok, json_text, "[1,2,3]"};
                              if (query == "who")
                                  return {Response::Status::not_found, plain_text, "nobody\n"};
                              if (query.empty())
                                  return {Response::Status::unavailable, plain_text, "not now\n"};
                              return {Response::Status::bad_request, plain_text, "no such limit\n"};
                          }}});
    EXPECT_THAT(get(exporter.port(), "/list?limit=3"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\n[1,2,3]")));
    EXPECT_THAT(get(exporter.port(), "/list?who"),
                AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("nobody\n")));
    EXPECT_THAT(get(exporter.port(), "/list"),
                AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("not now\n")));
    EXPECT_THAT(get(exporter.port(), "/list?limit=x"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(get(exporter.port(), "/"), EndsWith("There is here: /list\n"));
}

TEST(HttpExporter, LetsNobodyButRead) {
    const HttpExporter exporter = exporter_of("");
    for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"})
        for (const std::string path : {"/metrics", "/healthz"})
            EXPECT_THAT(ask(exporter.port(), method + " " + path + " HTTP/1.1\r\n\r\n"),
                        AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET\r\n")))
                << method;
}

TEST(HttpExporter, SendsNoBodyToHead) {
    const HttpExporter exporter = exporter_of("");
    EXPECT_THAT(ask(exporter.port(), "HEAD /metrics HTTP/1.1\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 405 "), EndsWith("\r\n\r\n")));
    EXPECT_THAT(ask(exporter.port(), "HEAD /x HTTP/1.1\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("\r\n\r\n")));
}

TEST(HttpExporter, AnswersAlthoughABodyFollows) {
    const HttpExporter exporter = exporter_of("");
    const std::string body(100'000, 'x');
    EXPECT_THAT(
        ask(exporter.port(), "POST /metrics HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + body),
        AllOf(StartsWith("HTTP/1.1 405 "), EndsWith("Use GET.\n")));
}

TEST(HttpExporter, RefusesWhatIsNotHttp) {
    const HttpExporter exporter = exporter_of("");
    EXPECT_THAT(ask(exporter.port(), "hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpExporter, OutlivesGarbage) {
    const HttpExporter exporter = exporter_of("up 1\n");
    std::mt19937 random(4);
    for (int round = 0; round < 300; ++round) {
        std::string bytes = round % 3 == 0 ? "GET /metrics HTTP/1.1\r\n" : "";
        for (auto left = random() % 2000; left; --left)
            bytes += static_cast<char>(random());
        EXPECT_THAT(ask(exporter.port(), bytes + "\r\n\r\n"),
                    testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 200 ")))
            << "round " << round;
    }
    EXPECT_THAT(get(exporter.port(), "/metrics"), EndsWith("up 1\n"));
}

TEST(HttpExporter, RefusesEndlessHeaders) {
    const HttpExporter exporter = exporter_of("");
    EXPECT_THAT(ask(exporter.port(),
                    "GET /metrics HTTP/1.1\r\nX: " + std::string(2 * request_bytes_max, 'x')),
                StartsWith("HTTP/1.1 431 "));
}

TEST(HttpExporter, PutsATornRequestTogether) {
    const HttpExporter exporter = exporter_of("up 1\n");
    const Peer peer(exporter.port());
    for (const char byte : std::string_view("GET /metrics HTTP/1.1\r\n\r\n"))
        peer.send({&byte, 1});
    EXPECT_THAT(peer.read_all(), EndsWith("up 1\n"));
}

TEST(HttpExporter, SendsMoreThanASocketHolds) {
    const std::string text(32 * 1024 * 1024, 'm');
    const HttpExporter exporter = exporter_of(text);
    const std::string answer = get(exporter.port(), "/metrics");
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + text)) << answer.size();
}

TEST(HttpExporter, TellsWhenTheMetricsCannotBeCollected) {
    const HttpExporter exporter(
        "127.0.0.1", 0, pages_with([]() -> std::string { throw std::runtime_error("no shard"); }));
    EXPECT_THAT(get(exporter.port(), "/metrics"),
                AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr("no shard")));
    EXPECT_THAT(get(exporter.port(), "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpExporter, ServesOthersWhileSomeAreSilent) {
    const HttpExporter exporter = exporter_of("up 1\n");
    std::vector<std::unique_ptr<Peer>> silent;
    for (std::size_t count = 0; count < http_connections_max - 1; ++count)
        silent.push_back(std::make_unique<Peer>(exporter.port()));
    EXPECT_THAT(get(exporter.port(), "/metrics"), EndsWith("up 1\n"));
}

TEST(HttpExporter, ServesOthersWhileSomeDoNotReadTheirAnswers) {
    const std::string text(8 * 1024 * 1024, 'm');  // more than sockets hold
    const HttpExporter exporter = exporter_of(text);
    std::vector<std::unique_ptr<Peer>> idle;
    for (std::size_t count = 0; count < http_connections_max - 1; ++count) {
        idle.push_back(std::make_unique<Peer>(exporter.port()));
        idle.back()->send("GET /metrics HTTP/1.1\r\n\r\n");
    }
    EXPECT_TRUE(get(exporter.port(), "/metrics").ends_with("\r\n\r\n" + text));
    EXPECT_THAT(get(exporter.port(), "/healthz"), EndsWith("{}"));
    EXPECT_TRUE(idle.front()->read_all().ends_with(text)) << "late, but whole";
}

TEST(HttpExporter, ServesWhoWaitedForAPlace) {
    const HttpExporter exporter = exporter_of("up 1\n");
    std::vector<std::unique_ptr<Peer>> silent;
    for (std::size_t count = 0; count < http_connections_max; ++count)
        silent.push_back(std::make_unique<Peer>(exporter.port()));
    const Peer waiting(exporter.port());
    waiting.send("GET /metrics HTTP/1.1\r\n\r\n");
    silent.clear();
    EXPECT_THAT(waiting.read_all(), EndsWith("up 1\n"));
}

TEST(HttpExporter, ServesOthersHoweverManyAreSilent) {
    constexpr std::size_t silent_peers = 100;
    ExporterCounters counters;
    const HttpExporter exporter("127.0.0.1", 0, pages_with([] { return std::string("up 1\n"); }),
                                &counters);
    std::vector<std::unique_ptr<Peer>> silent;
    for (std::size_t count = 0; count < silent_peers; ++count) {
        silent.push_back(std::make_unique<Peer>(exporter.port()));
        silent.back()->send("GET /met");
    }
    EXPECT_THAT(get(exporter.port(), "/metrics"), EndsWith("up 1\n"));
    EXPECT_EQ(counters.crowded_out.value(), silent_peers + 1 - http_connections_max);
    EXPECT_EQ(counters.too_slow.value(), 0U);
    silent.back()->send("rics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(silent.back()->read_all(), EndsWith("up 1\n")) << "the first had to go";
}

TEST(HttpExporter, ServesOthersWhenAllPlacesHaveWhoDoesNotReadHisAnswer) {
    const std::string text(8 * 1024 * 1024, 'm');  // more than sockets hold
    ExporterCounters counters;
    const HttpExporter exporter("127.0.0.1", 0, pages_with([&] { return text; }), &counters);
    std::vector<std::unique_ptr<Peer>> idle;
    for (std::size_t count = 0; count < http_connections_max; ++count) {
        idle.push_back(std::make_unique<Peer>(exporter.port()));
        idle.back()->send("GET /metrics HTTP/1.1\r\n\r\n");
    }
    EXPECT_THAT(get(exporter.port(), "/healthz"), EndsWith("{}"));
    EXPECT_EQ(counters.crowded_out.value(), 1U);
}

TEST(HttpExporter, SurvivesPeersThatVanish) {
    const HttpExporter exporter = exporter_of(std::string(1024 * 1024, 'm'));
    for (int round = 0; round < 50; ++round) {
        const Peer peer(exporter.port());
        peer.send(round % 2 == 0 ? "GET /met" : "GET /metrics HTTP/1.1\r\n\r\n");
    }
    EXPECT_THAT(get(exporter.port(), "/healthz"), EndsWith("{}"));
}

TEST(HttpExporter, ServesManyAtOnce) {
    const HttpExporter exporter = exporter_of("up 1\n");
    std::atomic<int> served = 0;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 8; ++thread)
            threads.emplace_back([&] {
                for (int round = 0; round < 20; ++round)
                    if (get(exporter.port(), "/metrics").ends_with("up 1\n")) ++served;
            });
    }
    EXPECT_EQ(served, 160);
}

TEST(HttpExporter, StopsWithPeersConnected) {
    std::unique_ptr<Peer> silent;
    {
        const HttpExporter exporter = exporter_of("");
        silent = std::make_unique<Peer>(exporter.port());
        EXPECT_THAT(get(exporter.port(), "/healthz"), EndsWith("{}"));
    }
    EXPECT_THAT(silent->read_all(), testing::AnyOf("", HasSubstr("reset")));
}

TEST(HttpExporter, ListensOnIPv6) {
    if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    const HttpExporter exporter("::1", 0, pages_with([] { return std::string("up 6\n"); }));
    EXPECT_THAT(ask(exporter.port(), "GET /metrics HTTP/1.1\r\n\r\n", AF_INET6),
                EndsWith("up 6\n"));
    EXPECT_FALSE(Peer(exporter.port(), AF_INET).connected());
}

TEST(HttpExporter, ListensOnAllAddressesWhenNoneIsNamed) {
    const HttpExporter exporter("", 0, pages_with([] { return std::string("up 1\n"); }));
    EXPECT_THAT(get(exporter.port(), "/metrics"), EndsWith("up 1\n"));
    if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    EXPECT_THAT(ask(exporter.port(), "GET /metrics HTTP/1.1\r\n\r\n", AF_INET6),
                EndsWith("up 1\n"));
}

TEST(HttpExporter, ListensOnAHostName) {
    const HttpExporter exporter("localhost", 0, pages_with([] { return std::string(); }));
    EXPECT_NE(exporter.port(), 0);
}

// The constructor's error; empty when it had none.
std::string refusal(const std::string& host, std::uint16_t port) {
    try {
        const HttpExporter exporter(host, port, pages_with([] { return std::string(); }));
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

TEST(HttpExporter, RefusesAPortInUse) {
    const HttpExporter exporter = exporter_of("");
    EXPECT_EQ(refusal("127.0.0.1", exporter.port()),
              "--exporter: cannot listen on 127.0.0.1:" + std::to_string(exporter.port()) +
                  ": Address already in use; give another HOST:PORT, or stop what listens there");
    EXPECT_THAT(get(exporter.port(), "/healthz"), EndsWith("{}")) << "the first is undisturbed";
}

TEST(HttpExporter, RefusesAnAddressThatIsNotHere) {
    EXPECT_THAT(refusal("192.0.2.1", 0), HasSubstr("192.0.2.1:0: Cannot assign"));
    EXPECT_THAT(refusal("2001:db8::1", 0), HasSubstr("[2001:db8::1]:0: "));
    EXPECT_THAT(refusal("not a host", 0),
                StartsWith("--exporter: cannot listen on not a host:0: "));
}

TEST(HttpExporter, MayListenAgainOnThePortItLeft) {
    std::uint16_t port = 0;
    {
        const HttpExporter first = exporter_of("");
        port = first.port();
        EXPECT_THAT(get(port, "/healthz"), EndsWith("{}"));
    }
    const HttpExporter second("127.0.0.1", port, pages_with([] { return std::string("again"); }));
    EXPECT_THAT(get(port, "/metrics"), EndsWith("again"));
}

}  // namespace
}  // namespace hpfeeds::metrics
