// SPDX-License-Identifier: Apache-2.0
#include "broker/reload.hpp"

#include "config/flags.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace hpfeeds::broker {
namespace {

using Options = config::BrokerOptions;

// A flag that can change while the broker runs, and how it comes over. Broker::take_over() gives
// the options to those who live by them: what is listed here must be read from there.
struct Reloadable {
    std::string_view flag;
    void (*take)(Options& into, const Options& from);
};

template <auto member>
void take(Options& into, const Options& from) {
    into.*member = from.*member;
}

constexpr std::array reloadable{
    Reloadable{"log-level", take<&Options::log_level>},
    Reloadable{"debug", take<&Options::log_level>},
    Reloadable{"auth-failure-delay", take<&Options::refusal_delay>},
    Reloadable{"auth-failure-delay-max", take<&Options::refusal_delay_max>},
    Reloadable{"max-connections-per-address", take<&Options::connections_per_address_max>},
    Reloadable{"max-connections-per-ident", take<&Options::connections_per_ident_max>},
    Reloadable{"max-publish-rate", take<&Options::publish_rate_max>},
    Reloadable{"max-publish-bytes", take<&Options::publish_bytes_max>},
    Reloadable{"slow-high-mark", take<&Options::slow_high_bytes>},
    Reloadable{"slow-deadline", take<&Options::slow_deadline>},
    Reloadable{"max-queue", take<&Options::subscriber_bytes_max>},
    Reloadable{"max-memory", take<&Options::memory_bytes_max>},
    Reloadable{"shutdown-grace", take<&Options::shutdown_grace>},
};

const Reloadable* find(std::string_view flag) {
    const auto* const found =
        std::find_if(reloadable.begin(), reloadable.end(),
                     [&](const Reloadable& each) { return each.flag == flag; });
    return found == reloadable.end() ? nullptr : found;
}

const std::vector<std::string>* values_of(const config::Settings& settings,
                                          const std::string& flag) {
    const auto found = settings.find(flag);
    return found == settings.end() ? nullptr : &found->second.values;
}

bool same(const std::vector<std::string>* left, const std::vector<std::string>* right) {
    return left == nullptr || right == nullptr ? left == right : *left == *right;
}

std::set<std::string> changed_flags(const config::Settings& now, const config::Settings& wanted) {
    std::set<std::string> changed;
    for (const config::Settings* each : {&now, &wanted})
        for (const auto& [flag, setting] : *each)
            if (!same(values_of(now, flag), values_of(wanted, flag))) changed.insert(flag);
    return changed;
}

void copy(config::Settings& into, const config::Settings& from, const std::string& flag) {
    into.erase(flag);
    if (const auto found = from.find(flag); found != from.end()) into.insert(*found);
}

}  // namespace

Changes changes_between(const Options& now, const Options& wanted) {
    Changes changes{now, {}, {}};
    for (const std::string& flag : changed_flags(now.settings, wanted.settings)) {
        const Reloadable* const known = find(flag);
        if (known == nullptr) {
            changes.for_the_next_start.push_back(flag);
            continue;
        }
        known->take(changes.options, wanted);
        copy(changes.options.settings, wanted.settings, flag);
        changes.taken_over.push_back(flag);
    }
    config::check_relations(changes.options);
    return changes;
}

log::Level log_level_of(const Options& options) noexcept {
    switch (options.log_level) {
        case config::LogLevel::debug:
            return log::Level::debug;
        case config::LogLevel::warning:
            return log::Level::warning;
        case config::LogLevel::error:
            return log::Level::error;
        default:
            return log::Level::info;
    }
}

std::string list_of(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names)
        list.append(list.empty() ? "" : ", ").append(name);
    return list.empty() ? "none" : list;
}

}  // namespace hpfeeds::broker
