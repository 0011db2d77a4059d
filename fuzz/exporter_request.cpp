// SPDX-License-Identifier: Apache-2.0
// exporter_request.cpp: what a stranger asks the exporter for.
//
// Input   what has come on the connection. Holds   a request is recognised as soon as it is whole,
// and nothing that comes behind it changes it; its pieces lie in what came, and written down again
// they are the same; a query is refused in one short line, or what it asks for is within the bounds
// and, written down again, the same.
#include "expect.hpp"
#include "metrics/http_request.hpp"
#include "metrics/limits.hpp"
#include "metrics/page_query.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

using hpfeeds::fuzz::expect;
namespace metrics = hpfeeds::metrics;
using metrics::PageQuery;
using metrics::Request;

constexpr std::array<std::string_view, 3> sorts{"ident", "messages", "bytes"};
constexpr std::size_t refusal_bytes_max = 200;

bool same(const Request& left, const Request& right) {
    return left.outcome == right.outcome && left.method == right.method &&
           left.path == right.path && left.query == right.query;
}

void check_words(const Request& request) {
    expect(!request.method.empty(), "a request has a method");
    for (const std::string_view word : {request.method, request.path, request.query})
        expect(word.find_first_of(" \n") == std::string_view::npos, "a word is one word");
    expect(request.path.find('?') == std::string_view::npos, "a path has no query in it");
    std::string written = std::string(request.method) + ' ' + std::string(request.path);
    if (!request.query.empty()) written += '?' + std::string(request.query);
    if (request.path.empty() && request.query.empty()) return;  // http://host alone
    written += " HTTP/1.1\r\n\r\n";
    expect(same(metrics::parse_request(written), request), "a request's text is the same request");
}

void check_query(std::string_view text) {
    const PageQuery asked = metrics::parse_page_query(text, sorts);
    expect(std::find(sorts.begin(), sorts.end(), asked.sort) != sorts.end(),
           "the order is one of those allowed");
    expect(asked.limit >= 1 && asked.limit <= metrics::page_rows_max, "the limit is in bounds");
    expect(asked.offset <= metrics::page_offset_max, "the offset is in bounds");
    if (!asked.refusal.empty()) {
        expect(asked.refusal.size() <= refusal_bytes_max, "a refusal is short");
        expect(std::all_of(asked.refusal.begin(), asked.refusal.end(),
                           [](char byte) { return byte >= ' ' && byte <= '~'; }),
               "a refusal is one line of plain characters");
        return;
    }
    const std::string written = "limit=" + std::to_string(asked.limit) +
                                "&offset=" + std::to_string(asked.offset) +
                                "&sort=" + std::string(asked.sort);
    const PageQuery again = metrics::parse_page_query(written, sorts);
    expect(again.refusal.empty() && again.limit == asked.limit && again.offset == asked.offset &&
               again.sort == asked.sort,
           "a query's text is the same query");
}

// How much has come when the request is known; all, when it never is.
std::size_t decided_at(std::string_view text) {
    for (std::size_t come = 0; come <= text.size(); ++come)
        if (metrics::parse_request(text.substr(0, come)).outcome != Request::Outcome::incomplete)
            return come;
    return text.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_query(text);
    const Request whole = metrics::parse_request(text);
    if (whole.outcome == Request::Outcome::incomplete)
        expect(size < metrics::request_bytes_max, "what has no end is not waited for for ever");
    if (whole.outcome == Request::Outcome::too_long)
        expect(size >= metrics::request_bytes_max, "what is short is not called long");
    if (whole.outcome == Request::Outcome::complete) {
        check_words(whole);
        check_query(whole.query);
    }
    // As the exporter sees it, byte by byte; quadratic, so not for the longest.
    constexpr std::size_t dripped_bytes_max = 512;
    if (size <= dripped_bytes_max)
        expect(same(metrics::parse_request(text.substr(0, decided_at(text))), whole),
               "what comes behind a request does not change it");
    return 0;
}
