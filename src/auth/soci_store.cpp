// SPDX-License-Identifier: Apache-2.0
#include "auth/soci_store.hpp"

#include "auth/account_rules.hpp"
#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "auth/soci_driver.hpp"
#include "auth/sql_server.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace hpfeeds::auth {
namespace {

bool fits_into_text(std::string_view bytes) {
    return bytes.find('\0') == std::string_view::npos && is_utf8(bytes);
}

std::string fault_of_text(std::string_view bytes, const char* field) {
    if (fits_into_text(bytes)) return {};
    return std::string(field) + " is not UTF-8, or holds a NUL: this store keeps text";
}

}  // namespace

std::unique_ptr<AccountStore> open_sql_server(const SqlUrl& url, Missing missing,
                                              std::chrono::milliseconds timeout) {
    return std::make_unique<SociStore>(url, missing, timeout);
}

SociStore::SociStore(SqlUrl url, Missing missing, std::chrono::milliseconds timeout)
    : url_(std::move(url)), name_(url_.name()), timeout_(timeout) {
    load_driver(url_.kind);
    if (missing == Missing::refuse) return;
    Connection connection = connect();
    if (!connection->has_table()) connection->create_table();
    give_back(std::move(connection));
}

Lookup SociStore::find(std::string_view ident) noexcept {
    if (!fits_into_text(ident)) return Lookup::absent();
    try {
        for (KeyRow& row : rows_of(ident)) {
            if (row.ident != ident) continue;
            auto account = std::make_shared<core::Account>();
            const std::string fault = read_key_row(std::move(row), auth_keys_columns, *account);
            if (!fault.empty()) return Lookup::unavailable(name_ + ": " + fault, Failure::row);
            return Lookup::found(std::move(account));
        }
        return Lookup::absent();
    } catch (const SqlError& error) {
        return Lookup::unavailable(error.what(), error.failure());
    } catch (const std::exception& error) {
        return Lookup::unavailable(name_ + ": " + error.what());
    }
}

// A connection that rested may be dead without having done anything wrong, so a failure of one is
// tried once more on a fresh one; a server that does not answer is not.
std::vector<KeyRow> SociStore::rows_of(std::string_view ident) {
    if (Connection resting = take_idle()) {
        try {
            std::vector<KeyRow> rows = resting->rows_of(ident);
            give_back(std::move(resting));
            return rows;
        } catch (const SqlError& error) {
            resting.reset();
            drop_idle();
            if (error.failure() == Failure::timeout) throw;
        }
    }
    Connection fresh = connect();
    std::vector<KeyRow> rows = fresh->rows_of(ident);
    give_back(std::move(fresh));
    return rows;
}

std::vector<core::Account> SociStore::list() {
    std::vector<core::Account> accounts;
    std::unordered_set<std::string> seen;
    for (KeyRow& row : connect()->all_rows()) {
        core::Account account;
        const std::string fault = read_key_row(std::move(row), auth_keys_columns, account);
        if (!seen.insert(account.ident).second) continue;  // the first row decides
        if (!fault.empty())
            throw Error(name_ + ": " + fault +
                        "; correct the row, or remove the key and add it again");
        accounts.push_back(std::move(account));
    }
    std::sort(accounts.begin(), accounts.end(),
              [](const auto& left, const auto& right) { return left.ident < right.ident; });
    return accounts;
}

std::string SociStore::fault_in(const core::Account& account) const {
    std::string fault = fault_of(account);
    if (fault.empty()) fault = fault_of_text(account.ident, "ident");
    if (fault.empty()) fault = fault_of_text(account.secret, "field \"secret\"");
    if (fault.empty()) fault = fault_of_owner(account);
    if (fault.empty()) fault = fault_of_json_text(account.pubchans, "pubchans");
    if (fault.empty()) fault = fault_of_json_text(account.subchans, "subchans");
    return fault;
}

void SociStore::put(const core::Account& account) {
    if (std::string fault = fault_in(account); !fault.empty())
        throw Error(name_ + ": " + in_quotes(account.ident) + ": " + fault);
    connect()->put({std::nullopt, account.ident, account.secret, channels_as_json(account.pubchans),
                    channels_as_json(account.subchans)});
}

bool SociStore::remove(std::string_view ident) {
    return fits_into_text(ident) && connect()->remove(ident);
}

SociStore::Connection SociStore::take_idle() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    Connection connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

SociStore::Connection SociStore::connect() {
    return std::make_unique<SociConnection>(url_, timeout_, watch_);
}

void SociStore::give_back(Connection connection) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < sql_idle_max) idle_.push_back(std::move(connection));
}

// They were opened to the same server, and would only disappoint one look-up each.
void SociStore::drop_idle() {
    std::vector<Connection> dropped;
    {
        const std::lock_guard lock(mutex_);
        dropped.swap(idle_);
    }
}

}  // namespace hpfeeds::auth
