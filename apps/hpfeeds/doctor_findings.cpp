// SPDX-License-Identifier: Apache-2.0
#include "doctor_findings.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace hpfeeds::cli {
namespace {

using Result = Finding::Result;
using Json = nlohmann::ordered_json;

// Names and texts are made safe to show, which makes them UTF-8; this is for what was overlooked.
constexpr auto on_bad_utf8 = Json::error_handler_t::replace;

const char* mark_of(Result result) {
    switch (result) {
        case Result::good:
            return "ok  ";
        case Result::note:
            return "note";
        case Result::bad:
            break;
    }
    return "FAIL";
}

const char* word_of(Result result) {
    switch (result) {
        case Result::good:
            return "ok";
        case Result::note:
            return "note";
        case Result::bad:
            break;
    }
    return "failed";
}

std::string sentence_of(const Finding& finding) {
    return (finding.subject.empty() ? "" : finding.subject + ": ") + finding.text;
}

// The finding that explains the others: what fails first.
const Finding* culprit(const std::vector<Finding>& findings) {
    const auto bad = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& each) { return each.result == Result::bad; });
    return bad == findings.end() ? nullptr : &*bad;
}

const Finding* find(const std::vector<Finding>& findings, std::string_view check) {
    const auto found = std::find_if(findings.begin(), findings.end(),
                                    [&](const Finding& each) { return each.check == check; });
    return found == findings.end() ? nullptr : &*found;
}

}  // namespace

Diagnosis diagnose(const std::vector<Finding>& findings) {
    if (const Finding* bad = culprit(findings)) {
        const auto failures =
            std::count_if(findings.begin(), findings.end(),
                          [](const Finding& each) { return each.result == Result::bad; });
        std::string text = bad->check + ": " + sentence_of(*bad) + ".";
        if (!bad->advice.empty()) text += " " + bad->advice + ".";
        if (failures > 1) text += " Of " + std::to_string(failures) + " failures it is the first.";
        return {false, std::move(text)};
    }
    const Finding* heard = find(findings, "messages");
    if (heard != nullptr && heard->result == Result::note)
        return {true, "nothing is wrong between here and the broker; " + heard->text + "."};
    if (find(findings, "login") == nullptr)
        return {true, "the broker is there; give -i IDENT to examine a login."};
    return {true, "nothing is wrong."};
}

std::string text_of(const Finding& finding) {
    std::array<char, 64> head{};
    std::snprintf(head.data(), head.size(), "%s  %-10s ", mark_of(finding.result),
                  finding.check.c_str());
    std::string line = head.data() + sentence_of(finding);
    if (finding.milliseconds) {
        std::array<char, 32> time{};
        std::snprintf(time.data(), time.size(), " (%.2f ms)", *finding.milliseconds);
        line += time.data();
    }
    line += '\n';
    if (!finding.advice.empty()) line += "                 -> " + finding.advice + '\n';
    return line;
}

std::string text_of(const Diagnosis& diagnosis) {
    return "\nDiagnosis: " + diagnosis.text + "\n";
}

std::string json_of(const Examined& examined, const std::vector<Finding>& findings) {
    const Diagnosis diagnosis = diagnose(findings);
    Json all = {{"healthy", diagnosis.healthy}, {"diagnosis", diagnosis.text},
                {"broker", examined.broker},    {"tls", examined.tls},
                {"ident", examined.ident},      {"checks", Json::array()}};
    for (const Finding& finding : findings) {
        Json each = {{"check", finding.check},
                     {"result", word_of(finding.result)},
                     {"subject", finding.subject},
                     {"text", finding.text},
                     {"advice", finding.advice}};
        if (finding.milliseconds) each["milliseconds"] = *finding.milliseconds;
        all["checks"].push_back(std::move(each));
    }
    return all.dump(2, ' ', false, on_bad_utf8) + '\n';
}

}  // namespace hpfeeds::cli
