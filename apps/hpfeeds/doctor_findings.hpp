// SPDX-License-Identifier: Apache-2.0
// doctor_findings.hpp: what the doctor found, as lines for a person or as JSON.
//
// Threads  values; one owner.    Errors  none. Texts are safe for a terminal: who makes a Finding
// has sent what strangers said through one_line().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::cli {

struct Finding {
    enum class Result {
        good,
        note,  // worth knowing, or not to be found out; nothing is wrong by it
        bad,
    };
    std::string check;    // "name", "connect", "tls", "greeting", "login", "subscribe", …
    std::string subject;  // an address or a channel; empty: there is only one of this check
    Result result = Result::good;
    std::string text;
    std::string advice{};  // what to do about it; empty: nothing
    std::optional<double> milliseconds{};
};

// What all of it means.
struct Diagnosis {
    bool healthy = true;
    std::string text;
};
[[nodiscard]] Diagnosis diagnose(const std::vector<Finding>& findings);

// One or two lines, line feeds included.
[[nodiscard]] std::string text_of(const Finding& finding);
[[nodiscard]] std::string text_of(const Diagnosis& diagnosis);

struct Examined {
    std::string broker;  // "localhost:10000"
    bool tls = false;
    std::string ident;
};
// One object, line feed included.
[[nodiscard]] std::string json_of(const Examined& examined, const std::vector<Finding>& findings);

}  // namespace hpfeeds::cli
