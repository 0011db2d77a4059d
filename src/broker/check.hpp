// SPDX-License-Identifier: Apache-2.0
// check.hpp: would a broker start with these options, and what would it find? `--check`.
//
// Looks at what a start would read: certificates and their keys, key stores, the limit of open
// files. Listens nowhere, creates and changes nothing.
//
// Threads  one.    Errors  findings, not exceptions; no line holds a secret.
#pragma once

#include "config/options.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace hpfeeds::broker {

struct Finding {
    enum class Verdict : std::uint8_t { good, doubtful, bad };
    Verdict verdict = Verdict::good;
    std::string about;  // "endpoint tcp:port=20000"
    std::string what;
};

[[nodiscard]] std::vector<Finding> check(const config::BrokerOptions& options);

// Whether none is bad.
[[nodiscard]] bool would_start(const std::vector<Finding>& findings);

// "ok       key store users.json: 12 keys", without a line end.
[[nodiscard]] std::string line_of(const Finding& finding);

}  // namespace hpfeeds::broker
