// SPDX-License-Identifier: Apache-2.0
#include "user_names.hpp"

#include "auth/account_rules.hpp"
#include "auth/names.hpp"
#include "core/pattern.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace hpfeeds::cli {
namespace {

// Both lengths sit in one signed or too small buffer of those clients (client-quirk 15).
constexpr std::size_t go_bytes_max = 253;
constexpr std::size_t java_bytes_max = 127;

std::string channel_named(const std::string& name) {
    return "channel " + auth::in_quotes(name);
}

// Channels of both lists, each once.
std::vector<std::string> all_channels(const core::Account& account) {
    std::vector<std::string> names = account.pubchans.names();
    names.insert(names.end(), account.subchans.names().begin(), account.subchans.names().end());
    return core::ChannelList(std::move(names)).names();
}

bool has_blank_or_control(std::string_view name) noexcept {
    return std::any_of(name.begin(), name.end(), [](char each) {
        const auto byte = static_cast<unsigned char>(each);
        return byte <= 0x20 || byte == 0x7F;
    });
}

void warn_of_name(const std::string& subject, std::string_view name,
                  std::vector<std::string>& warnings) {
    if (name.empty()) warnings.push_back(subject + " is empty");
    if (name.size() > java_bytes_max)
        warnings.push_back(subject + " has more than 127 bytes: Java clients cannot read it");
    if (!auth::is_utf8(name))
        warnings.push_back(subject + " is not UTF-8: Java clients and most tools cannot read it");
    if (has_blank_or_control(name))
        warnings.push_back(subject + " holds blanks or control characters: is that meant?");
    if (name.find(',') != std::string_view::npos)
        warnings.push_back(subject + " holds a comma: tools that keep lists will split it");
}

// What a star in a channel list means depends on how the broker is started.
void explain_star(const std::string& name, std::vector<std::string>& warnings) {
    if (name == core::every_channel)
        warnings.push_back(channel_named(name) +
                           " stands for every channel, if the broker runs with --wildcards;"
                           " otherwise for the channel of this very name");
    else if (core::is_pattern(name))
        warnings.push_back(channel_named(name) + " stands for every channel that begins with " +
                           auth::in_quotes(name.substr(0, name.size() - 1)) +
                           ", if the broker runs with --wildcards; otherwise for the channel of"
                           " this very name");
    else if (name.find('*') != std::string::npos)
        warnings.push_back(channel_named(name) +
                           " holds a star that stands for nothing: patterns are * and PREFIX.*");
}

}  // namespace

SplitNames split_names(const std::vector<std::string>& given) {
    SplitNames split;
    for (const std::string& item : given) {
        std::string_view rest = item;
        const bool single = rest.find(',') == std::string_view::npos;
        if (single && rest.empty()) continue;
        for (bool more = true; more;) {
            const std::size_t comma = rest.find(',');
            const std::string_view name = rest.substr(0, comma);
            if (name.empty())
                split.had_empty = true;
            else
                split.names.emplace_back(name);
            more = comma != std::string_view::npos;
            if (more) rest.remove_prefix(comma + 1);
        }
    }
    return split;
}

std::vector<std::string> refusals_of(const core::Account& account) {
    std::vector<std::string> refusals;
    if (std::string fault = auth::fault_of_ident(account.ident); !fault.empty())
        refusals.push_back("the ident " + fault);
    for (const std::string& name : all_channels(account))
        if (std::string fault = auth::fault_of_channel(name); !fault.empty())
            refusals.push_back(channel_named(name.substr(0, 20) + "...") + ' ' + fault);
    if (account.secret.empty()) refusals.push_back("the secret is empty: anybody could log in");
    if (refusals.empty()) {
        if (std::string fault = auth::fault_of(account); !fault.empty()) refusals.push_back(fault);
    }
    return refusals;
}

std::vector<std::string> warnings_of(const core::Account& account) {
    std::vector<std::string> warnings;
    warn_of_name("ident " + auth::in_quotes(account.ident), account.ident, warnings);
    for (const std::string& name : all_channels(account)) {
        warn_of_name(channel_named(name), name, warnings);
        explain_star(name, warnings);
        if (account.ident.size() + name.size() > go_bytes_max)
            warnings.push_back("ident and " + channel_named(name) +
                               " have more than 253 bytes together: subscribers written in Go"
                               " crash on their messages");
    }
    return warnings;
}

}  // namespace hpfeeds::cli
