// SPDX-License-Identifier: Apache-2.0
#include "auth/json_store.hpp"

#include "auth/account_rules.hpp"
#include "auth/json_accounts.hpp"
#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "auth/text_file.hpp"
#include "hpfeeds/error.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace hpfeeds::auth {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string as_text(const OrderedJson& file) {
    return file.dump(2) + '\n';
}

}  // namespace

JsonStore::JsonStore(std::string path, Missing missing, std::chrono::milliseconds lock_patience)
    : path_(std::move(path)), missing_(missing), lock_patience_(lock_patience) {
    if (missing_ == Missing::refuse) static_cast<void>(read());
}

Lookup JsonStore::find(std::string_view ident) noexcept {
    try {
        for (core::Account& account : parse(read()))
            if (account.ident == ident)
                return Lookup::found(std::make_shared<const core::Account>(std::move(account)));
        return Lookup::absent();
    } catch (const Error& error) {
        return Lookup::unavailable(error.what());
    }
}

std::vector<core::Account> JsonStore::list() {
    std::vector<core::Account> accounts = parse(read());
    std::sort(accounts.begin(), accounts.end(),
              [](const auto& left, const auto& right) { return left.ident < right.ident; });
    return accounts;
}

std::string JsonStore::fault_in(const core::Account& account) const {
    std::string fault = fault_of(account);
    if (fault.empty() && !is_utf8(account.ident)) fault = "ident is not UTF-8, as JSON must be";
    if (fault.empty() && !is_utf8(account.secret))
        fault = "field \"secret\" is not UTF-8, as JSON must be";
    if (fault.empty() && !is_utf8(account.owner))
        fault = "field \"owner\" is not UTF-8, as JSON must be";
    if (fault.empty()) fault = fault_of_json_text(account.pubchans, "pubchans");
    if (fault.empty()) fault = fault_of_json_text(account.subchans, "subchans");
    return fault;
}

void JsonStore::put(const core::Account& account) {
    if (std::string fault = fault_in(account); !fault.empty())
        throw Error(path_ + ": " + in_quotes(account.ident) + ": " + fault);
    const std::string target = follow_links(path_);
    const DirectoryLock lock(directory_of(target), lock_patience_);
    const std::string text = read();
    static_cast<void>(parse(text));
    OrderedJson file = OrderedJson::parse(text);
    OrderedJson& entry = file[account.ident];
    entry["owner"] = account.owner;
    entry["secret"] = account.secret;
    entry["pubchans"] = account.pubchans.names();
    entry["subchans"] = account.subchans.names();
    replace_text_file(target, as_text(file));
}

bool JsonStore::remove(std::string_view ident) {
    const std::string target = follow_links(path_);
    const DirectoryLock lock(directory_of(target), lock_patience_);
    const std::string text = read();
    static_cast<void>(parse(text));
    OrderedJson file = OrderedJson::parse(text);
    if (file.erase(std::string(ident)) == 0) return false;
    replace_text_file(target, as_text(file));
    return true;
}

std::string JsonStore::read() const {
    if (missing_ == Missing::create && ::access(path_.c_str(), F_OK) != 0) return "{}";
    constexpr int attempts = 100;
    for (int attempt = 0; attempt < attempts; ++attempt)
        if (std::optional<std::string> text = read_text_file(path_, json_file_bytes_max))
            return std::move(*text);
    throw Error("'" + path_ + "' is written to all the time; try again when it is complete");
}

std::vector<core::Account> JsonStore::parse(std::string_view text) const {
    try {
        return parse_json_accounts(text);
    } catch (const Error& error) {
        throw Error(path_ + ": " + error.what() + "; repair the file first");
    }
}

}  // namespace hpfeeds::auth
