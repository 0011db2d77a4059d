// SPDX-License-Identifier: Apache-2.0
#include "auth/env_source.hpp"

#include "auth/account_rules.hpp"
#include "auth/names.hpp"
#include "log/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace hpfeeds::auth {
namespace {

constexpr std::string_view prefix = "HPFEEDS_";

std::string upper_case(std::string_view text) {
    std::string out(text);
    for (char& byte : out)
        if (byte >= 'a' && byte <= 'z') byte = static_cast<char>(byte - 'a' + 'A');
    return out;
}

// An empty piece names no channel: "a,,b" and "a,b" are the same list.
std::vector<std::string> split_at_commas(std::string_view list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (comma != 0) names.emplace_back(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return names;
}

void warn_of_blanks(const std::string& variable, const std::string& list) {
    if (!variable.ends_with("_PUBCHANS") && !variable.ends_with("_SUBCHANS")) return;
    constexpr std::string_view blanks = " \t\r\n";
    for (const std::string& name : split_at_commas(list)) {
        if (blanks.find(name.front()) == std::string_view::npos &&
            blanks.find(name.back()) == std::string_view::npos)
            continue;
        log::warning("a channel name has blanks around it, which count as part of the name",
                     {{"variable", variable}, {"channel", name}});
    }
}

}  // namespace

EnvSource::EnvSource(const Environment& environment) {
    for (const auto& [variable, value] : environment) {
        if (!variable.starts_with(prefix)) continue;
        warn_of_blanks(variable, value);
        variables_.emplace(variable, value);
    }
}

EnvSource EnvSource::of_this_process() {
    Environment environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view line = *entry;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        environment.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return EnvSource(environment);
}

const std::string* EnvSource::variable(std::string_view ident, std::string_view field) const {
    std::string name(prefix);
    name += upper_case(ident);
    name += '_';
    name += field;
    const auto found = variables_.find(name);
    return found == variables_.end() || found->second.empty() ? nullptr : &found->second;
}

Lookup EnvSource::find(std::string_view ident) noexcept {
    if (!fault_of_ident(ident).empty()) return Lookup::absent();
    const std::string* secret = variable(ident, "SECRET");
    if (secret == nullptr) return Lookup::absent();
    const auto list = [&](std::string_view field) {
        const std::string* text = variable(ident, field);
        return core::ChannelList(text == nullptr ? std::vector<std::string>{}
                                                 : split_at_commas(*text));
    };
    auto account = std::make_shared<core::Account>();
    account->ident = ident;
    account->secret = *secret;
    const std::string* owner = variable(ident, "OWNER");
    account->owner = owner == nullptr ? account->ident : *owner;
    account->pubchans = list("PUBCHANS");
    account->subchans = list("SUBCHANS");
    return Lookup::found(std::move(account));
}

std::vector<core::Account> EnvSource::list() {
    constexpr std::string_view ending = "_SECRET";
    std::vector<core::Account> accounts;
    for (const auto& [name, value] : variables_) {
        if (!name.ends_with(ending) || name.size() <= prefix.size() + ending.size()) continue;
        const std::string_view ident = std::string_view(name).substr(
            prefix.size(), name.size() - prefix.size() - ending.size());
        if (ident != upper_case(ident)) continue;  // no look-up would ever find it
        if (Lookup lookup = find(ident); lookup.account) accounts.push_back(*lookup.account);
    }
    std::sort(accounts.begin(), accounts.end(),
              [](const auto& left, const auto& right) { return left.ident < right.ident; });
    return accounts;
}

}  // namespace hpfeeds::auth
