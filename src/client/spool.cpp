// SPDX-License-Identifier: Apache-2.0
#include "client/spool.hpp"

#include "client/limits.hpp"

#include <sqlite3.h>

#include <sys/stat.h>
#include <array>
#include <utility>

namespace hpfeeds::client {
namespace {

// "hpfs", which tells our files from any other SQLite database.
constexpr int application_id = 0x68706673;

// The order of these matters: the lock is exclusive before WAL is entered, so no index is shared.
constexpr const char* settings =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA journal_size_limit = 4194304;"
    "PRAGMA temp_store = MEMORY;";
constexpr const char* schema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS event("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    " channel BLOB NOT NULL, payload BLOB NOT NULL);"
    "PRAGMA application_id = 1752196723;"
    "COMMIT;";
static_assert(application_id == 1'752'196'723);

enum Query : std::size_t {
    query_append,
    query_read,
    query_oldest,
    query_forget,
    query_totals,
    query_totals_below,
    query_totals_before,
    query_begin,
    query_commit,
    query_rollback,
    query_count
};
constexpr std::array<const char*, query_count> queries{
    "INSERT INTO event(at, channel, payload) VALUES(?1, ?2, ?3)",
    "SELECT id, channel, payload FROM event WHERE id > ?1 ORDER BY id",
    "SELECT id, length(channel) + length(payload) FROM event ORDER BY id",
    "DELETE FROM event WHERE id <= ?1",
    "SELECT count(*), coalesce(sum(length(channel) + length(payload)), 0) FROM event",
    "SELECT count(*), coalesce(sum(length(channel) + length(payload)), 0) FROM event"
    " WHERE id <= ?1",
    "SELECT coalesce(max(id), 0) FROM event WHERE at < ?1",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
};

std::int64_t milliseconds(Spool::WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::size_t unsigned_column(sqlite3_stmt* statement, int column) {
    return static_cast<std::size_t>(sqlite3_column_int64(statement, column));
}

std::span<const std::byte> blob_column(sqlite3_stmt* statement, int column) {
    const void* bytes = sqlite3_column_blob(statement, column);
    return {static_cast<const std::byte*>(bytes),
            static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

// The database and its prepared statements. A statement is reset as soon as it was used, so that
// none holds a read transaction.
struct Spool::File {
    std::string path;
    sqlite3* database = nullptr;
    std::array<sqlite3_stmt*, query_count> statements{};
    int last = SQLITE_OK;

    explicit File(std::string where) : path(std::move(where)) {}
    ~File() {
        for (sqlite3_stmt* each : statements)
            sqlite3_finalize(each);
        sqlite3_close(database);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    bool open() {
        constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                              SQLITE_OPEN_EXRESCODE;
        last = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
        if (last != SQLITE_OK) return false;
        sqlite3_busy_timeout(database, static_cast<int>(spool_patience.count()));
        // Nobody but its owner: events may hold what attackers typed, and worse.
        static_cast<void>(chmod(path.c_str(), S_IRUSR | S_IWUSR));
        return execute(settings) && is_ours() && execute(schema) && prepare();
    }
    bool execute(const char* sql) {
        last = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
        return last == SQLITE_OK;
    }
    bool prepare() {
        for (std::size_t i = 0; i < query_count; ++i) {
            last = sqlite3_prepare_v3(database, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &statements[i], nullptr);
            if (last != SQLITE_OK) return false;
        }
        return true;
    }
    // An empty file, or one that carries our mark: somebody else's database is left alone.
    bool is_ours() {
        std::int64_t id = 0;
        std::int64_t tables = 0;
        if (!number("PRAGMA application_id", id) ||
            !number("SELECT count(*) FROM sqlite_schema", tables))
            return false;
        if (id == application_id || tables == 0) return true;
        last = SQLITE_MISMATCH;
        return false;
    }
    bool number(const char* sql, std::int64_t& value) {
        sqlite3_stmt* statement = nullptr;
        last = sqlite3_prepare_v2(database, sql, -1, &statement, nullptr);
        if (last == SQLITE_OK) last = sqlite3_step(statement);
        const bool found = last == SQLITE_ROW;
        if (found) value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return found;
    }

    // Runs a statement that gives no row.
    bool run(Query query) {
        last = sqlite3_step(statements[query]);
        sqlite3_reset(statements[query]);
        return last == SQLITE_DONE;
    }
    // One row; the caller reads its columns and then calls done().
    bool row(Query query) {
        last = sqlite3_step(statements[query]);
        return last == SQLITE_ROW;
    }
    void done(Query query) {
        sqlite3_reset(statements[query]);
        sqlite3_clear_bindings(statements[query]);
    }
    void bind(Query query, int at, std::int64_t value) {
        sqlite3_bind_int64(statements[query], at, value);
    }
    void bind(Query query, int at, std::span<const std::byte> bytes) {
        // A null pointer would be NULL, which no column takes.
        const void* begin = bytes.empty() ? static_cast<const void*>("") : bytes.data();
        sqlite3_bind_blob64(statements[query], at, begin, bytes.size(), SQLITE_STATIC);
    }
    void roll_back() {
        const int why = last;
        if (sqlite3_get_autocommit(database) == 0) static_cast<void>(run(query_rollback));
        last = why;
    }
};

Spool::Spool(std::string path, Limits limits)
    : limits_(limits), file_(std::make_unique<File>(std::move(path))) {
    if (!file_->open() || count_what_is_there()) {
        const std::error_code error = fail("open");
        throw Error(explanation_, error);
    }
}

Spool::~Spool() = default;

std::error_code Spool::count_what_is_there() {
    if (!file_->row(query_totals)) return fail("read");
    events_ = unsigned_column(file_->statements[query_totals], 0);
    bytes_ =
        unsigned_column(file_->statements[query_totals], 1) + events_ * spool_event_overhead_bytes;
    file_->done(query_totals);
    return {};
}

std::error_code Spool::append(std::string_view channel, std::span<const std::byte> payload,
                              WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    const std::size_t cost = channel.size() + payload.size() + spool_event_overhead_bytes;
    if (cost > limits_.bytes_max) {
        explanation_ = "a message of " + std::to_string(payload.size()) +
                       " bytes is above the bound of the spool '" + file_->path + "', " +
                       std::to_string(limits_.bytes_max) + " bytes";
        return Errc::spool_full;
    }
    if (bytes_ + cost > limits_.bytes_max)
        if (const std::error_code error = make_room(cost)) return error;
    file_->bind(query_append, 1, milliseconds(now));
    file_->bind(query_append, 2, std::as_bytes(std::span(channel)));
    file_->bind(query_append, 3, payload);
    const bool written = file_->run(query_append);
    file_->done(query_append);
    if (!written) return fail("write to");
    ++events_;
    ++counts_.appended;
    bytes_ += cost;
    return {};
}

// Drops the oldest events. A little more than is needed, so that a full spool does not do this for
// every event.
std::error_code Spool::make_room(std::size_t cost) {
    const std::size_t wanted = bytes_ + cost + limits_.bytes_max / 64 - limits_.bytes_max;
    std::size_t freed = 0;
    std::size_t count = 0;
    std::int64_t last = 0;
    while (freed < wanted && file_->row(query_oldest)) {
        last = sqlite3_column_int64(file_->statements[query_oldest], 0);
        freed += unsigned_column(file_->statements[query_oldest], 1) + spool_event_overhead_bytes;
        ++count;
    }
    file_->done(query_oldest);
    if (count == 0) return fail("make room in");
    file_->bind(query_forget, 1, last);
    if (!file_->run(query_forget)) return fail("make room in");
    bytes_ -= freed;
    events_ -= count;
    counts_.dropped_for_room += count;
    return {};
}

std::error_code Spool::read_after(std::uint64_t id, const std::function<bool(const Event&)>& take) {
    const std::lock_guard lock(mutex_);
    file_->bind(query_read, 1, static_cast<std::int64_t>(id));
    bool more = true;
    while (more && file_->row(query_read)) {
        sqlite3_stmt* const row = file_->statements[query_read];
        more = take({static_cast<std::uint64_t>(sqlite3_column_int64(row, 0)),
                     text_of(blob_column(row, 1)), blob_column(row, 2)});
    }
    const bool good = !more || file_->last == SQLITE_DONE;
    file_->done(query_read);
    return good ? std::error_code{} : fail("read");
}

std::error_code Spool::forget(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto last = static_cast<std::int64_t>(id);
    if (!file_->run(query_begin)) return fail("write to");
    file_->bind(query_totals_below, 1, last);
    const bool counted = file_->row(query_totals_below);
    const std::size_t count = unsigned_column(file_->statements[query_totals_below], 0);
    const std::size_t freed = unsigned_column(file_->statements[query_totals_below], 1);
    file_->done(query_totals_below);
    file_->bind(query_forget, 1, last);
    if (!counted || !file_->run(query_forget) || !file_->run(query_commit)) {
        file_->roll_back();
        return fail("write to");
    }
    events_ -= count;
    bytes_ -= freed + count * spool_event_overhead_bytes;
    return {};
}

std::error_code Spool::drop_expired(WallClock::time_point now) {
    std::uint64_t last = 0;
    {
        const std::lock_guard lock(mutex_);
        file_->bind(query_totals_before, 1, milliseconds(now - limits_.age_max));
        const bool found = file_->row(query_totals_before);
        last = unsigned_column(file_->statements[query_totals_before], 0);
        file_->done(query_totals_before);
        if (!found) return fail("read");
    }
    if (last == 0) return {};
    const std::size_t before = events();
    if (const std::error_code error = forget(last)) return error;
    const std::lock_guard lock(mutex_);
    counts_.dropped_for_age += before - events_;
    return {};
}

std::size_t Spool::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

std::size_t Spool::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

Spool::Counts Spool::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

std::string Spool::explanation() const {
    const std::lock_guard lock(mutex_);
    return explanation_;
}

std::error_code Spool::fail(std::string_view doing) {
    const std::string where = "cannot " + std::string(doing) + " the spool '" + file_->path + "': ";
    switch (file_->last & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            explanation_ = where + "another process has it; give every process a file of its own";
            return Errc::spool_locked;
        case SQLITE_FULL:
            explanation_ = where + "the disk is full; free some space";
            return Errc::spool_full;
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
            explanation_ = where + "it is damaged or not an SQLite file; move it away";
            return Errc::spool_unusable;
        case SQLITE_MISMATCH:
            explanation_ = where + "it is another program's database; give another path";
            return Errc::spool_unusable;
        default:
            break;
    }
    explanation_ = where + sqlite3_errstr(file_->last);
    if (const int system = sqlite3_system_errno(file_->database); system != 0)
        explanation_ += std::string(" (") + std::generic_category().message(system) + ")";
    return Errc::spool_unusable;
}

}  // namespace hpfeeds::client
