// SPDX-License-Identifier: Apache-2.0
#include "auth/tentacool_source.hpp"

#include "auth/account_rules.hpp"
#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "auth/text_file.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace hpfeeds::auth {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The pieces between marks, without the blanks around them.
std::vector<std::string_view> pieces_of(std::string_view text, char mark) {
    std::vector<std::string_view> pieces;
    for (;;) {
        const std::size_t at = text.find(mark);
        pieces.push_back(trimmed(text.substr(0, at)));
        if (at == std::string_view::npos) return pieces;
        text.remove_prefix(at + 1);
    }
}

core::ChannelList channels_in(std::string_view text) {
    std::vector<std::string> names;
    for (const std::string_view name : pieces_of(text, ','))
        if (!name.empty()) names.emplace_back(name);
    return core::ChannelList(std::move(names));
}

// What is wrong with the line, if anything.
std::string read_line(std::string_view line, core::Account& account) {
    constexpr std::size_t fields = 4;
    std::vector<std::string_view> pieces = pieces_of(line, ';');
    if (pieces.size() == fields + 1 && pieces.back().empty()) pieces.pop_back();
    if (pieces.size() != fields)
        return "has " + std::to_string(pieces.size()) +
               " fields, not the four of IDENT;SECRET;PUBLISH,…;SUBSCRIBE,…";
    account.ident = pieces[0];
    account.secret = pieces[1];
    account.owner = account.ident;
    account.pubchans = channels_in(pieces[2]);
    account.subchans = channels_in(pieces[3]);
    return fault_of(account);
}

}  // namespace

std::vector<core::Account> parse_tentacool_accounts(std::string_view text) {
    std::vector<core::Account> accounts;
    std::unordered_map<std::string, std::size_t> line_of;
    std::size_t number = 0;
    std::size_t first_empty = 0;
    const auto fail = [&](const std::string& fault) {
        throw Error("line " + std::to_string(number) + ' ' + fault);
    };
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        if (trimmed(line).empty()) {
            if (first_empty == 0) first_empty = number;
            continue;
        }
        if (first_empty != 0)
            fail("stands behind the empty line " + std::to_string(first_empty) +
                 ", where Tentacool ends reading: remove the empty line, or what follows it");
        core::Account account;
        if (std::string fault = read_line(line, account); !fault.empty()) fail(fault);
        const auto [known, is_new] = line_of.emplace(account.ident, number);
        if (!is_new)
            fail("has the ident " + in_quotes(account.ident) + " of line " +
                 std::to_string(known->second) + " again: keep one of them");
        accounts.push_back(std::move(account));
    }
    return accounts;
}

TentacoolSource::TentacoolSource(std::string path) : path_(std::move(path)) {
    std::optional<std::string> text;
    constexpr int attempts = 100;
    for (int attempt = 0; attempt < attempts && !text; ++attempt)
        text = read_text_file(path_, json_file_bytes_max);
    if (!text)
        throw Error("'" + path_ + "' is written to all the time; try again when it is complete");
    try {
        accounts_ = parse_tentacool_accounts(*text);
    } catch (const Error& error) {
        throw Error(path_ + ": " + error.what());
    }
    std::sort(accounts_.begin(), accounts_.end(),
              [](const auto& left, const auto& right) { return left.ident < right.ident; });
}

Lookup TentacoolSource::find(std::string_view ident) noexcept {
    const auto found = std::lower_bound(accounts_.begin(), accounts_.end(), ident,
                                        [](const core::Account& account, std::string_view wanted) {
                                            return account.ident < wanted;
                                        });
    if (found == accounts_.end() || found->ident != ident) return Lookup::absent();
    return Lookup::found(std::make_shared<const core::Account>(*found));
}

}  // namespace hpfeeds::auth
