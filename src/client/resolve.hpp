// SPDX-License-Identifier: Apache-2.0
// resolve.hpp: a host's name into its addresses, for those who want to look at each.
//
// tcp_connect() looks names up by itself. Blocks for as long as the system's resolver does.
//
// Threads  any.    Errors  Errc::host_not_found, with the resolver's words.
#pragma once

#include <string>
#include <system_error>
#include <vector>

namespace hpfeeds::client {

struct Resolved {
    std::vector<std::string> addresses;  // in digits, each once, in the system's order
    std::error_code error;
    std::string explanation;       // "Name or service not known"
    bool resolver_failed = false;  // nobody could say whether the name exists
};
[[nodiscard]] Resolved resolve(const std::string& host);

}  // namespace hpfeeds::client
