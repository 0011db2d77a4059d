// SPDX-License-Identifier: Apache-2.0
// http_request.hpp: the little of HTTP/1 that a metrics page needs.
//
// Stateless and without I/O. Headers are not looked at: no answer depends on them, and every answer
// closes its connection.
//
// Threads  any.    Errors  values; nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hpfeeds::metrics {

struct Request {
    enum class Outcome : std::uint8_t {
        incomplete,  // the empty line that ends the headers has not come yet
        complete,
        malformed,  // not HTTP/1
        too_long,   // more than request_bytes_max, and no end in sight
    };
    Outcome outcome = Outcome::incomplete;
    std::string_view method;  // valid when complete, as long as the bytes are
    std::string_view path;    // without the query; not percent-decoded
    std::string_view query;   // behind the question mark; empty without one
};

[[nodiscard]] Request parse_request(std::string_view received) noexcept;

}  // namespace hpfeeds::metrics
