// SPDX-License-Identifier: Apache-2.0
#include "auth/sqlite_connection.hpp"

#include "auth/names.hpp"
#include "hpfeeds/error.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace hpfeeds::auth {
namespace {

// SQLite would take "file:…" and ":memory:" for something else than a file's name.
std::string as_file_name(const std::string& path) {
    return path.starts_with('/') ? path : "./" + path;
}

}  // namespace

SqliteConnection::SqliteConnection(const std::string& path, std::chrono::milliseconds wait)
    : path_(path) {
    // The file that we open must be the one that we remember, so look before and after.
    constexpr int attempts = 10;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        sqlite3_close_v2(std::exchange(handle_, nullptr));
        identity_ = identity_of(path.c_str());
        if (!identity_.exists()) throw Error(path + ": " + std::strerror(errno));
        const int code = sqlite3_open_v2(as_file_name(path).c_str(), &handle_,
                                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
        if (code != SQLITE_OK) {
            const std::string why = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
            sqlite3_close_v2(handle_);
            throw Error(path + ": " + why);
        }
        if (identity_of(path.c_str()) == identity_) break;
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, static_cast<int>(wait.count()));
}

SqliteConnection::~SqliteConnection() {
    sqlite3_close_v2(handle_);
}

void SqliteConnection::run(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void SqliteConnection::fail() const {
    throw Error(path_ + ": " + sqlite3_errmsg(handle_));
}

SqliteStatement::SqliteStatement(SqliteConnection& connection, std::string_view sql)
    : connection_(connection) {
    const int code =
        sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK) connection.fail();
}

SqliteStatement::~SqliteStatement() {
    sqlite3_finalize(statement_);
}

SqliteStatement& SqliteStatement::bind_text(int parameter, std::string_view text) {
    // An empty view may point nowhere, which SQLite would take for NULL.
    const char* data = text.empty() ? "" : text.data();
    if (sqlite3_bind_text64(statement_, parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) !=
        SQLITE_OK)
        connection_.fail();
    return *this;
}

SqliteStatement& SqliteStatement::bind_blob(int parameter, std::string_view bytes) {
    const char* data = bytes.empty() ? "" : bytes.data();
    if (sqlite3_bind_blob64(statement_, parameter, data, bytes.size(), SQLITE_STATIC) != SQLITE_OK)
        connection_.fail();
    return *this;
}

SqliteStatement& SqliteStatement::bind_bytes(int parameter, std::string_view bytes) {
    const bool text = bytes.find('\0') == std::string_view::npos && is_utf8(bytes);
    return text ? bind_text(parameter, bytes) : bind_blob(parameter, bytes);
}

bool SqliteStatement::step() {
    switch (sqlite3_step(statement_)) {
        case SQLITE_ROW:
            return true;
        case SQLITE_DONE:
            return false;
        default:
            connection_.fail();
    }
}

std::optional<std::string> SqliteStatement::bytes(int column) const {
    const int type = sqlite3_column_type(statement_, column);
    if (type == SQLITE_NULL) return std::nullopt;
    // A blob is asked for as a blob, text as text: a file may keep text as UTF-16.
    const void* data = type == SQLITE_BLOB ? sqlite3_column_blob(statement_, column)
                                           : sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    if (data == nullptr) return std::string();
    return std::string(static_cast<const char*>(data), size);
}

}  // namespace hpfeeds::auth
