// SPDX-License-Identifier: Apache-2.0
#include "auth/sqlite_store.hpp"

#include "auth/account_rules.hpp"
#include "auth/descriptor.hpp"
#include "auth/names.hpp"
#include "auth/sqlite_connection.hpp"
#include "hpfeeds/error.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_set>
#include <utility>

namespace hpfeeds::auth {
namespace {

// The index is ours; without it a login would read the whole table.
constexpr const char* create_tables =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS authkeys (id integer primary key autoincrement,"
    " owner TEXT, ident TEXT, secret TEXT, pubchans TEXT, subchans TEXT);"
    "CREATE TABLE IF NOT EXISTS logs (id integer primary key autoincrement, data TEXT);"
    "CREATE TABLE IF NOT EXISTS stats (id integer primary key autoincrement,"
    " ak TEXT, uid TEXT, data TEXT);"
    "CREATE INDEX IF NOT EXISTS authkeys_ident ON authkeys (ident);"
    "COMMIT";

// Everywhere: ?1 is the ident as text, ?2 the same bytes as a blob, which SQLite never calls equal.
constexpr std::string_view select_row =
    "SELECT owner, ident, secret, pubchans, subchans FROM authkeys"
    " WHERE ident IN (?1, ?2) ORDER BY rowid LIMIT 1";
constexpr std::string_view select_all =
    "SELECT owner, ident, secret, pubchans, subchans FROM authkeys"
    " WHERE ident IS NOT NULL ORDER BY rowid";
constexpr std::string_view update_row =
    "UPDATE authkeys SET owner = ?3, secret = ?4, pubchans = ?5, subchans = ?6 WHERE rowid ="
    " (SELECT rowid FROM authkeys WHERE ident IN (?1, ?2) ORDER BY rowid LIMIT 1)";
constexpr std::string_view insert_row =
    "INSERT INTO authkeys (ident, owner, secret, pubchans, subchans)"
    " VALUES (?1, ?2, ?3, ?4, ?5)";
constexpr std::string_view delete_rows = "DELETE FROM authkeys WHERE ident IN (?1, ?2)";

// Its secrets are for its owner alone, and SQLite would let the world read them.
void create_file(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.open() && errno != EEXIST)
        throw Error("cannot create '" + path + "': " + std::strerror(errno));
}

bool has_tables(SqliteConnection& connection, std::string_view names, int count) {
    const std::string sql =
        "SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name IN (" +
        std::string(names) + ")";
    SqliteStatement tables(connection, sql);
    return tables.step() && tables.integer(0) == count;
}

void create_missing_tables(SqliteConnection& connection) {
    if (has_tables(connection, "'authkeys', 'logs', 'stats'", 3)) return;
    try {
        connection.run(create_tables);
    } catch (const Error&) {
        // A file with keys that we may only read is as good as one that we could complete.
        if (!has_tables(connection, "'authkeys'", 1)) throw;
    }
}

struct Row {
    std::optional<std::string> owner, ident, secret, pubchans, subchans;
};

Row row_of(const SqliteStatement& statement) {
    return {statement.bytes(0), statement.bytes(1), statement.bytes(2), statement.bytes(3),
            statement.bytes(4)};
}

std::string read_channels(const std::optional<std::string>& json, const char* column,
                          core::ChannelList& out) {
    std::vector<std::string> names;
    if (json) {
        if (std::string fault = read_json_channels(*json, names); !fault.empty())
            return std::string("column ") + column + ' ' + fault;
    }
    out = core::ChannelList(std::move(names));
    return {};
}

// What is wrong with the row, if anything; else `account` is what it says.
std::string read_row(Row row, core::Account& account) {
    account.ident = std::move(row.ident).value_or("");
    account.owner = std::move(row.owner).value_or(account.ident);
    account.secret = std::move(row.secret).value_or("");
    if (account.secret.empty()) return "column secret is empty, so nobody may log in";
    std::string fault = read_channels(row.pubchans, "pubchans", account.pubchans);
    if (fault.empty()) fault = read_channels(row.subchans, "subchans", account.subchans);
    return fault;
}

}  // namespace

class SqliteStore::Connection : public SqliteConnection {
public:
    using SqliteConnection::SqliteConnection;

    [[nodiscard]] std::optional<Row> look_up(std::string_view ident) {
        if (!look_up_) look_up_.emplace(*this, select_row);
        look_up_->bind_text(1, ident).bind_blob(2, ident);
        std::optional<Row> row;
        if (look_up_->step()) row = row_of(*look_up_);
        look_up_->reset();
        return row;
    }

private:
    std::optional<SqliteStatement> look_up_;  // prepared once; ends before the connection does
};

SqliteStore::SqliteStore(std::string path, Options options)
    : path_(std::move(path)), options_(options) {
    if (options_.missing == Missing::create) {
        create_file(path_);
    } else if (!identity_of(path_.c_str()).exists()) {
        throw Error("Cannot find '" + path_ + "'");
    }
    create_missing_tables(*open_for_writing());
}

SqliteStore::~SqliteStore() = default;

Lookup SqliteStore::find(std::string_view ident) noexcept {
    try {
        auto connection = take();
        std::optional<Row> row = connection->look_up(ident);
        give_back(std::move(connection));
        // The comparison is ours in the end: a file that keeps UTF-16 takes different broken texts
        // for the same.
        if (!row || row->ident != ident) return Lookup::absent();
        auto account = std::make_shared<core::Account>();
        if (std::string fault = read_row(std::move(*row), *account); !fault.empty())
            return Lookup::unavailable(path_ + ": row of " + in_quotes(ident) + ": " + fault);
        return Lookup::found(std::move(account));
    } catch (const Error& error) {
        return Lookup::unavailable(error.what());
    }
}

std::vector<core::Account> SqliteStore::list() {
    Connection connection(path_, options_.write_wait);
    SqliteStatement rows(connection, select_all);
    std::vector<core::Account> accounts;
    std::unordered_set<std::string> seen;
    while (rows.step()) {
        core::Account account;
        const std::string fault = read_row(row_of(rows), account);
        if (!seen.insert(account.ident).second) continue;  // the first row decides
        if (!fault.empty())
            throw Error(path_ + ": row of " + in_quotes(account.ident) + ": " + fault +
                        "; correct the row, or remove the key and add it again");
        accounts.push_back(std::move(account));
    }
    std::sort(accounts.begin(), accounts.end(),
              [](const auto& left, const auto& right) { return left.ident < right.ident; });
    return accounts;
}

std::string SqliteStore::fault_in(const core::Account& account) const {
    std::string fault = fault_of(account);
    if (fault.empty()) fault = fault_of_json_text(account.pubchans, "pubchans");
    if (fault.empty()) fault = fault_of_json_text(account.subchans, "subchans");
    return fault;
}

void SqliteStore::put(const core::Account& account) {
    if (std::string fault = fault_in(account); !fault.empty())
        throw Error(path_ + ": " + in_quotes(account.ident) + ": " + fault);
    const std::string pubchans = channels_as_json(account.pubchans);
    const std::string subchans = channels_as_json(account.subchans);

    const auto connection = open_for_writing();
    connection->run("BEGIN IMMEDIATE");  // without a COMMIT, closing rolls back
    SqliteStatement update(*connection, update_row);
    update.bind_text(1, account.ident).bind_blob(2, account.ident);
    update.bind_bytes(3, account.owner).bind_bytes(4, account.secret);
    static_cast<void>(update.bind_text(5, pubchans).bind_text(6, subchans).step());
    if (connection->changes() == 0) {
        SqliteStatement insert(*connection, insert_row);
        insert.bind_bytes(1, account.ident).bind_bytes(2, account.owner);
        insert.bind_bytes(3, account.secret);
        static_cast<void>(insert.bind_text(4, pubchans).bind_text(5, subchans).step());
    }
    connection->run("COMMIT");
}

bool SqliteStore::remove(std::string_view ident) {
    const auto connection = open_for_writing();
    SqliteStatement rows(*connection, delete_rows);
    static_cast<void>(rows.bind_text(1, ident).bind_blob(2, ident).step());
    return connection->changes() > 0;
}

// A connection that rests from before the file's last change is not used: the file may be another
// one, or the same with a content that SQLite's cache does not expect (`cp` over it).
std::unique_ptr<SqliteStore::Connection> SqliteStore::take() {
    const FileIdentity now = identity_of(path_.c_str());
    if (!now.exists()) throw Error(path_ + ": " + std::strerror(errno));
    for (;;) {
        std::unique_ptr<Connection> connection;
        {
            const std::lock_guard lock(mutex_);
            if (idle_.empty()) break;
            connection = std::move(idle_.back());
            idle_.pop_back();
        }
        if (connection->identity() == now) return connection;
    }
    return std::make_unique<Connection>(path_, options_.lookup_wait);
}

void SqliteStore::give_back(std::unique_ptr<Connection> connection) noexcept {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < sqlite_idle_max) idle_.push_back(std::move(connection));
}

std::unique_ptr<SqliteStore::Connection> SqliteStore::open_for_writing() const {
    return std::make_unique<Connection>(path_, options_.write_wait);
}

}  // namespace hpfeeds::auth
