// SPDX-License-Identifier: Apache-2.0
// sqlite_connection.hpp: one open SQLite file and one prepared statement, closed by their owner's
// end.
//
// Threads  one at a time.    Errors  hpfeeds::Error with the path and SQLite's own words.
#pragma once

#include "auth/file_identity.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::auth {

class SqliteStatement;

class SqliteConnection {
public:
    // Opens a file that is there; never creates one.
    SqliteConnection(const std::string& path, std::chrono::milliseconds wait);
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;
    ~SqliteConnection();

    // Which file this is, as it was when it was opened.
    [[nodiscard]] const FileIdentity& identity() const noexcept { return identity_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }
    void run(const char* sql);
    // How many rows the last statement changed.
    [[nodiscard]] int changes() const noexcept { return sqlite3_changes(handle_); }
    [[noreturn]] void fail() const;

private:
    const std::string path_;
    FileIdentity identity_;
    sqlite3* handle_ = nullptr;
};

class SqliteStatement {
public:
    SqliteStatement(SqliteConnection& connection, std::string_view sql);
    SqliteStatement(const SqliteStatement&) = delete;
    SqliteStatement& operator=(const SqliteStatement&) = delete;
    ~SqliteStatement();

    // Parameters count from 1. The bytes must live until reset() or the next step().
    SqliteStatement& bind_text(int parameter, std::string_view text);
    SqliteStatement& bind_blob(int parameter, std::string_view bytes);
    // As text if it is UTF-8 without NUL, as people and shells expect it; else as a blob.
    SqliteStatement& bind_bytes(int parameter, std::string_view bytes);

    // True: there is a row.
    [[nodiscard]] bool step();
    // Ends the reading, and so gives up the database's lock.
    void reset() noexcept { sqlite3_reset(statement_); }

    // Columns count from 0. Text as UTF-8, blobs as they are; nothing for NULL.
    [[nodiscard]] std::optional<std::string> bytes(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const noexcept {
        return sqlite3_column_int64(statement_, column);
    }

private:
    SqliteConnection& connection_;
    sqlite3_stmt* statement_ = nullptr;
};

}  // namespace hpfeeds::auth
