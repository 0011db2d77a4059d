// SPDX-License-Identifier: Apache-2.0
#include "auth/sqlite_store.hpp"

#include "auth/account_rules.hpp"
#include "auth/descriptor.hpp"
#include "auth/key_row.hpp"
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

bool has_column(SqliteConnection& connection, const char* table, const char* column) {
    SqliteStatement columns(connection,
                            "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2");
    columns.bind_text(1, table).bind_text(2, column);
    return columns.step() && columns.integer(0) == 1;
}

void create_missing_tables(SqliteConnection& connection, const SqliteLayout& layout) {
    if (has_tables(connection, layout.tables, layout.tables_count)) return;
    try {
        connection.run(layout.create);
    } catch (const Error&) {
        // A file with keys that we may only read is as good as one that we could complete.
        if (!has_tables(connection, "'" + std::string(layout.columns.table) + "'", 1)) throw;
    }
}

KeyRow row_of(const SqliteStatement& statement) {
    return {statement.bytes(0), statement.bytes(1), statement.bytes(2), statement.bytes(3),
            statement.bytes(4)};
}

}  // namespace

class SqliteStore::Connection : public SqliteConnection {
public:
    using SqliteConnection::SqliteConnection;

    [[nodiscard]] std::optional<KeyRow> look_up(std::string_view ident,
                                                const SqliteLayout& layout) {
        if (!look_up_) look_up_.emplace(*this, layout.select_row);
        look_up_->bind_text(1, ident).bind_blob(2, ident);
        std::optional<KeyRow> row;
        if (look_up_->step()) row = row_of(*look_up_);
        look_up_->reset();
        return row;
    }

private:
    std::optional<SqliteStatement> look_up_;  // prepared once; ends before the connection does
};

SqliteStore::SqliteStore(std::string path, Options options)
    : path_(std::move(path)), options_(options), layout_(*options.layout) {
    if (options_.missing == Missing::create) {
        create_file(path_);
    } else if (!identity_of(path_.c_str()).exists()) {
        throw Error("Cannot find '" + path_ + "'");
    }
    if (layout_.created_by_readers || options_.missing == Missing::create)
        create_missing_tables(*open_for_writing(), layout_);
}

SqliteStore::~SqliteStore() = default;

Lookup SqliteStore::find(std::string_view ident) noexcept {
    try {
        auto connection = take();
        std::optional<KeyRow> row = connection->look_up(ident, layout_);
        give_back(std::move(connection));
        // The comparison is ours in the end: a file that keeps UTF-16 takes different broken texts
        // for the same.
        if (!row || row->ident != ident) return Lookup::absent();
        auto account = std::make_shared<core::Account>();
        const std::string fault = read_key_row(std::move(*row), layout_.columns, *account);
        if (!fault.empty()) return Lookup::unavailable(path_ + ": " + fault, Failure::row);
        return Lookup::found(std::move(account));
    } catch (const Error& error) {
        return Lookup::unavailable(error.what());
    }
}

std::vector<core::Account> SqliteStore::list() {
    Connection connection(path_, options_.write_wait);
    SqliteStatement rows(connection, layout_.select_all);
    std::vector<core::Account> accounts;
    std::unordered_set<std::string> seen;
    while (rows.step()) {
        core::Account account;
        const std::string fault = read_key_row(row_of(rows), layout_.columns, account);
        if (!seen.insert(account.ident).second) continue;  // the first row decides
        if (!fault.empty())
            throw Error(path_ + ": " + fault +
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
    if (fault.empty() && !layout_.has_owners) fault = fault_of_owner(account);
    return fault;
}

void SqliteStore::put(const core::Account& account) {
    if (std::string fault = fault_in(account); !fault.empty())
        throw Error(path_ + ": " + in_quotes(account.ident) + ": " + fault);
    const std::string pubchans = channels_as_json(account.pubchans);
    const std::string subchans = channels_as_json(account.subchans);

    const auto connection = open_for_writing();
    connection->run("BEGIN IMMEDIATE");  // without a COMMIT, closing rolls back
    SqliteStatement update(*connection, layout_.update_row);
    update.bind_text(1, account.ident).bind_blob(2, account.ident).bind_bytes(4, account.secret);
    if (layout_.has_owners) update.bind_bytes(3, account.owner);
    static_cast<void>(update.bind_text(5, pubchans).bind_text(6, subchans).step());
    if (connection->changes() == 0) {
        const bool id = has_column(*connection, layout_.columns.table, "id");
        SqliteStatement insert(*connection,
                               id ? layout_.insert_row : layout_.insert_row_without_id);
        insert.bind_bytes(1, account.ident).bind_bytes(4, account.secret);
        if (layout_.has_owners) insert.bind_bytes(3, account.owner);
        static_cast<void>(insert.bind_text(5, pubchans).bind_text(6, subchans).step());
    }
    connection->run("COMMIT");
}

bool SqliteStore::remove(std::string_view ident) {
    const auto connection = open_for_writing();
    SqliteStatement rows(*connection, layout_.delete_rows);
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
