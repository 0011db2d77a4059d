// SPDX-License-Identifier: Apache-2.0
// soci_connection.hpp: one connection to an SQL server, and the table auth_keys through it.
//
// Threads  one at a time.
// Errors   SqlError, with the failure and a line that names what to do; never the password. After
//          one the connection is good for nothing but its end.
#pragma once

#include "auth/descriptor.hpp"
#include "auth/failure.hpp"
#include "auth/key_row.hpp"
#include "auth/soci.hpp"
#include "auth/sql_dialect.hpp"
#include "auth/sql_url.hpp"
#include "auth/stall_watch.hpp"
#include "hpfeeds/error.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class SqlError : public Error {
public:
    SqlError(Failure failure, const std::string& what) : Error(what), failure_(failure) {}
    [[nodiscard]] Failure failure() const noexcept { return failure_; }

private:
    Failure failure_;
};

class SociConnection {
public:
    // Requires: load_driver(url.kind). Connects; no call, this one included, takes much longer than
    // `timeout`. What is borrowed outlives the connection.
    SociConnection(const SqlUrl& url, std::chrono::milliseconds timeout, StallWatch& watch);
    SociConnection(const SociConnection&) = delete;
    SociConnection& operator=(const SociConnection&) = delete;
    ~SociConnection();

    // The rows that the server takes for this ident, the oldest first; its collation may know
    // neither case nor blanks at the end, so the caller compares again. Requires: UTF-8 without
    // NUL.
    [[nodiscard]] std::vector<KeyRow> rows_of(std::string_view ident);
    [[nodiscard]] std::vector<KeyRow> all_rows();

    [[nodiscard]] bool has_table() const noexcept { return !columns_.empty(); }
    void create_table();
    // Changes all rows of the ident, or adds one; at once or not at all.
    void put(const KeyRow& row);
    // False when there was none.
    [[nodiscard]] bool remove(std::string_view ident);

private:
    template <typename Action>
    auto guarded(Action&& action);
    [[noreturn]] void fail(Failure failure, const std::string& why) const;
    [[nodiscard]] std::string clean(std::string text) const;

    void open();
    void greet();
    void read_columns();
    void require_columns() const;
    [[nodiscard]] bool has_column(std::string_view name) const;
    void prepare_look_up();
    [[nodiscard]] std::string in_order(const char* sql) const;
    void bind_row(soci::statement& statement);
    [[nodiscard]] std::vector<KeyRow> fetch_all(soci::statement& statement);
    long long change(const char* sql, const KeyRow& row);

    const SqlUrl& url_;
    const SqlDialect& dialect_;
    const std::chrono::milliseconds timeout_;
    StallWatch& watch_;
    soci::session session_;
    Descriptor socket_;  // our own of the driver's socket, which it closes when it likes
    std::vector<std::string> columns_;  // of auth_keys, as far as we may read them
    bool recode_ = false;               // PostgreSQL keeps its texts in another encoding

    // What the prepared look-up reads and fills; bound by address.
    std::string parameter_;
    std::array<std::string, 4> fields_;
    std::array<soci::indicator, 4> indicators_{};
    std::optional<soci::statement> hand_over_;
    std::optional<soci::statement> look_up_;
};

}  // namespace hpfeeds::auth
