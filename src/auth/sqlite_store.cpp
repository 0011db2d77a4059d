// SPDX-License-Identifier: Apache-2.0
#include "auth/sqlite_store.hpp"

#include "auth/account_rules.hpp"
#include "auth/descriptor.hpp"
#include "auth/key_row.hpp"
#include "auth/known_keys.hpp"
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

using Clock = std::chrono::steady_clock;

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

std::size_t bytes_of(const KeyRow& row) {
    std::size_t bytes = 0;
    for (const auto* column : {&row.owner, &row.ident, &row.secret, &row.pubchans, &row.subchans})
        if (*column) bytes += (*column)->size();
    return bytes;
}

}  // namespace

class SqliteStore::Connection : public SqliteConnection {
public:
    Connection(const std::string& path, std::chrono::milliseconds wait)
        : SqliteConnection(path, wait), version_now_(*this, "PRAGMA data_version") {
        version_ = read_version();
    }

    // The account, if the file was looked at since then; else nothing.
    [[nodiscard]] AccountRef known_since(std::string_view ident, Clock::time_point asked) const {
        const KnownKeys::Entry* entry = known_.find(ident);
        return entry && asked <= std::max(entry->read_at, unchanged_at_) ? entry->account : nullptr;
    }
    // The account, if it was read before and the file has not changed; else nothing. `begun`:
    // before the file was first looked at for this.
    [[nodiscard]] AccountRef still_known(std::string_view ident, Clock::time_point begun) {
        const KnownKeys::Entry* entry = known_.find(ident);
        if (!entry) return nullptr;
        const std::int64_t version = read_version();
        if (version == version_) {
            unchanged_at_ = begun;
            return entry->account;
        }
        version_ = version;
        known_.forget_all();
        return nullptr;
    }
    [[nodiscard]] Lookup look_up(std::string_view ident, const SqliteLayout& layout,
                                 Clock::time_point begun) {
        if (!look_up_) look_up_.emplace(*this, layout.select_row);
        look_up_->bind_text(1, ident).bind_blob(2, ident);
        std::optional<KeyRow> row;
        if (look_up_->step()) row = row_of(*look_up_);
        look_up_->reset();
        // The comparison is ours in the end: a file that keeps UTF-16 takes different broken texts
        // for the same.
        if (!row || row->ident != ident) return Lookup::absent();
        const std::size_t bytes = bytes_of(*row);
        auto account = std::make_shared<core::Account>();
        const std::string fault = read_key_row(std::move(*row), layout.columns, *account);
        if (!fault.empty()) return Lookup::unavailable(path() + ": " + fault, Failure::row);
        known_.keep(ident, {account, begun}, bytes);
        return Lookup::found(std::move(account));
    }

private:
    [[nodiscard]] std::int64_t read_version() {
        if (!version_now_.step()) fail();
        const std::int64_t version = version_now_.integer(0);
        version_now_.reset();
        return version;
    }

    // Prepared once; they end before the connection does.
    SqliteStatement version_now_;
    std::optional<SqliteStatement> look_up_;
    std::int64_t version_ = 0;  // of the file, when what is known was read, or before
    Clock::time_point unchanged_at_{};
    KnownKeys known_;
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
    return find_as_of(ident, Clock::now());
}

Lookup SqliteStore::find_as_of(std::string_view ident, Clock::time_point asked) noexcept {
    try {
        std::unique_ptr<Connection> connection = take_idle();
        AccountRef account = connection ? connection->known_since(ident, asked) : nullptr;
        const Clock::time_point begun = Clock::now();
        if (!account) {
            connection = up_to_date(std::move(connection));
            account = connection->still_known(ident, begun);
        }
        Lookup lookup = account ? Lookup::found(std::move(account))
                                : connection->look_up(ident, layout_, begun);
        give_back(std::move(connection));
        return lookup;
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

std::unique_ptr<SqliteStore::Connection> SqliteStore::take_idle() noexcept {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

// A connection that rests from before the file's last change is not used: the file may be another
// one, or the same with a content that SQLite's cache does not expect (`cp` over it).
std::unique_ptr<SqliteStore::Connection> SqliteStore::up_to_date(
    std::unique_ptr<Connection> connection) {
    const FileIdentity now = identity_of(path_.c_str());
    if (!now.exists()) throw Error(path_ + ": " + std::strerror(errno));
    while (connection && connection->identity() != now)
        connection = take_idle();
    if (connection) return connection;
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
