// SPDX-License-Identifier: Apache-2.0
#include "broker/check.hpp"

#include "auth/open_source.hpp"
#include "broker/process_setup.hpp"
#include "broker/tls_files.hpp"
#include "hpfeeds/error.hpp"
#include "net/pem_files.hpp"
#include "net/tls_context.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

namespace hpfeeds::broker {
namespace {

using Verdict = Finding::Verdict;

std::string count_of(const config::Settings& settings, config::Source source,
                     const std::string& name) {
    const auto count = std::count_if(settings.begin(), settings.end(), [&](const auto& each) {
        return each.second.source == source;
    });
    return std::to_string(count) + " from " + name;
}

Finding configuration(const config::BrokerOptions& options) {
    using config::Source;
    return {Verdict::good, "configuration",
            count_of(options.settings, Source::command_line, "the command line") + ", " +
                count_of(options.settings, Source::environment, "the environment") + ", " +
                count_of(options.settings, Source::file, "the file")};
}

void look_at_certificate(const config::Endpoint& endpoint, std::vector<Finding>& findings) {
    const std::string about = "endpoint " + endpoint.text();
    const auto context = net::TlsContext::load(net::PemFiles::read(files_of(endpoint)));
    if (const std::string fault = context->date_fault(std::chrono::system_clock::now());
        !fault.empty())
        findings.push_back({Verdict::doubtful, about, fault});
    if (!context->concern().empty())
        findings.push_back({Verdict::doubtful, about, context->concern()});
    findings.push_back({Verdict::good, about,
                        "certificate of " + context->subject() + ", valid until " +
                            net::date_text(context->valid_until())});
}

// Each subject by itself: who has two faults wants to hear of both.
void look_at(const std::string& about, std::vector<Finding>& findings,
             const std::function<void()>& look) {
    try {
        look();
    } catch (const std::exception& error) {
        findings.push_back({Verdict::bad, about, error.what()});
    }
}

}  // namespace

std::vector<Finding> check(const config::BrokerOptions& options) {
    std::vector<Finding> findings{configuration(options)};
    for (const std::string& note : options.notes)
        findings.push_back({Verdict::doubtful, "configuration", note});
    for (const config::Endpoint& endpoint : options.endpoints) {
        const std::string about = "endpoint " + endpoint.text();
        look_at(about, findings, [&] {
            if (endpoint.kind == config::Endpoint::Kind::tls)
                look_at_certificate(endpoint, findings);
            else
                findings.push_back({Verdict::good, about, "not encrypted"});
        });
    }
    for (const std::string& store : options.auth)
        look_at("key store " + store, findings, [&] {
            findings.push_back({Verdict::good, "key store " + store,
                                auth::look_at_source(store, options.auth_timeout)});
        });
    look_at("open files", findings, [&] {
        const std::size_t most = connections_max(options.connections_max, raise_descriptor_limit());
        findings.push_back(
            {Verdict::good, "open files", "enough for " + std::to_string(most) + " connections"});
    });
    return findings;
}

bool would_start(const std::vector<Finding>& findings) {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.verdict == Verdict::bad; });
}

std::string line_of(const Finding& finding) {
    const std::string verdict = finding.verdict == Verdict::good       ? "ok       "
                                : finding.verdict == Verdict::doubtful ? "doubtful "
                                                                       : "bad      ";
    return verdict + finding.about + ": " + finding.what;
}

}  // namespace hpfeeds::broker
