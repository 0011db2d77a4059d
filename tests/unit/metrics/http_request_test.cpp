// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_request.hpp"

#include "metrics/limits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::metrics {
namespace {

using Outcome = Request::Outcome;

TEST(Request, IsReadWithItsHeaders) {
    const std::string text = "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
    const Request request = parse_request(text);
    EXPECT_EQ(request.outcome, Outcome::complete);
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.path, "/metrics");
}

TEST(Request, IsIncompleteUntilItsEmptyLine) {
    const std::string text = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_EQ(parse_request(text.substr(0, size)).outcome, Outcome::incomplete) << size;
}

TEST(Request, MayBeTypedByHand) {
    const Request request = parse_request("GET /healthz HTTP/1.0\n\n");
    EXPECT_EQ(request.outcome, Outcome::complete);
    EXPECT_EQ(request.path, "/healthz");
}

TEST(Request, LosesItsQueryAndItsHost) {
    EXPECT_EQ(parse_request("GET /metrics?name=x HTTP/1.1\r\n\r\n").path, "/metrics");
    EXPECT_EQ(parse_request("GET http://h:9431/metrics?x HTTP/1.1\r\n\r\n").path, "/metrics");
    EXPECT_EQ(parse_request("GET http://h HTTP/1.1\r\n\r\n").path, "");
    EXPECT_EQ(parse_request("GET http://h:9431/metrics?x HTTP/1.1\r\n\r\n").query, "x");
    EXPECT_EQ(parse_request("GET /list?a=1&b=?2 HTTP/1.1\r\n\r\n").query, "a=1&b=?2");
    EXPECT_EQ(parse_request("GET /list? HTTP/1.1\r\n\r\n").query, "");
    EXPECT_EQ(parse_request("GET /list HTTP/1.1\r\n\r\n").query, "");
}

TEST(Request, IsMalformedWhenItIsNotHttp1) {
    for (const char* line :
         {"", "GET", "GET /metrics", "GET  /metrics HTTP/1.1", "get /metrics HTTP/1.1",
          "GET /metrics HTTP/2.0", "GET /metrics HTTP/1.1 more", "GET /metrics HTTP/1.1 ",
          " GET /metrics HTTP/1.1", "\x16\x03\x01\x02", "/metrics HTTP/1.1"})
        EXPECT_EQ(parse_request(std::string(line) + "\r\n\r\n").outcome, Outcome::malformed)
            << line;
}

TEST(Request, IsTooLongWhenItDoesNotEndInTime) {
    const std::string head = "GET / HTTP/1.1\r\nX: ";
    const std::string short_of_it = head + std::string(request_bytes_max - 1 - head.size(), 'x');
    EXPECT_EQ(parse_request(short_of_it).outcome, Outcome::incomplete);
    EXPECT_EQ(parse_request(short_of_it + "x").outcome, Outcome::too_long);
}

}  // namespace
}  // namespace hpfeeds::metrics
