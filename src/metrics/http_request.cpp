// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_request.hpp"

#include "metrics/limits.hpp"

#include <algorithm>

namespace hpfeeds::metrics {
namespace {

// Whether the empty line has come. People who type requests end lines with LF alone.
bool has_ended(std::string_view received) noexcept {
    return received.find("\r\n\r\n") != std::string_view::npos ||
           received.find("\n\n") != std::string_view::npos;
}

bool is_method(std::string_view word) noexcept {
    return !word.empty() && std::all_of(word.begin(), word.end(),
                                        [](char letter) { return letter >= 'A' && letter <= 'Z'; });
}

bool is_version_1(std::string_view word) noexcept {
    return word == "HTTP/1.0" || word == "HTTP/1.1";
}

// Cuts the word in front of the next blank off `rest`.
std::string_view take_word(std::string_view& rest) noexcept {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, blank);
    rest.remove_prefix(std::min(blank + 1, rest.size()));
    return word;
}

// `/metrics?x=y` of itself, and of `http://host/metrics?x=y`, which a proxy's client sends.
std::string_view without_host(std::string_view target) noexcept {
    if (target.starts_with("http://")) {
        target.remove_prefix(7);
        target.remove_prefix(std::min(target.find('/'), target.size()));
    }
    return target;
}

}  // namespace

Request parse_request(std::string_view received) noexcept {
    Request request;
    if (!has_ended(received)) {
        if (received.size() >= request_bytes_max) request.outcome = Request::Outcome::too_long;
        return request;
    }
    std::string_view line = received.substr(0, received.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string_view method = take_word(line);
    const std::string_view target = take_word(line);
    if (!is_method(method) || target.empty() || !is_version_1(line)) {
        request.outcome = Request::Outcome::malformed;
        return request;
    }
    request.outcome = Request::Outcome::complete;
    request.method = method;
    const std::string_view local = without_host(target);
    const std::size_t path_end = std::min(local.find('?'), local.size());
    request.path = local.substr(0, path_end);
    request.query = local.substr(std::min(path_end + 1, local.size()));
    return request;
}

}  // namespace hpfeeds::metrics
