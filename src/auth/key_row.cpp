// SPDX-License-Identifier: Apache-2.0
#include "auth/key_row.hpp"

#include "auth/account_rules.hpp"
#include "auth/names.hpp"

#include <utility>
#include <vector>

namespace hpfeeds::auth {
namespace {

std::string read_channels(const std::optional<std::string>& json, const char* column,
                          core::ChannelList& out) {
    std::vector<std::string> names;
    if (json && *json != "null") {
        if (std::string fault = read_json_channels(*json, names); !fault.empty())
            return std::string("column ") + column + ' ' + fault;
    }
    out = core::ChannelList(std::move(names));
    return {};
}

}  // namespace

std::string read_key_row(KeyRow row, const KeyColumns& columns, core::Account& account) {
    account.ident = std::move(row.ident).value_or("");
    account.owner = std::move(row.owner).value_or(account.ident);
    account.secret = std::move(row.secret).value_or("");
    std::string fault;
    if (account.secret.empty())
        fault = std::string("column ") + columns.secret + " is empty, so nobody may log in";
    if (fault.empty()) fault = read_channels(row.pubchans, columns.pubchans, account.pubchans);
    if (fault.empty()) fault = read_channels(row.subchans, columns.subchans, account.subchans);
    if (fault.empty()) return {};
    return std::string("table ") + columns.table + ", row of " + in_quotes(account.ident) + ": " +
           fault;
}

}  // namespace hpfeeds::auth
