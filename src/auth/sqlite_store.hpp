// SPDX-License-Identifier: Apache-2.0
// sqlite_store.hpp: keys in an SQLite file, looked up at every login, so that no change needs a
// restart.
//
// The tables are those of upstream's brokers (sqlite_layout.hpp), with lists as JSON text. Of
// several rows with one ident the first decides. Idents are bytes, found whether a row holds them
// as TEXT or as BLOB; NULL lists are empty, a NULL owner is the ident, a row without a secret lets
// nobody in.
//
// What was read is known for as long as SQLite says that no other connection has written since
// (`PRAGMA data_version`): then a row is neither read nor parsed again. It is asked once for all
// who waited meanwhile.
//
// A file that is gone, locked, damaged or replaced while we run is "cannot tell"; the next look-up
// tries afresh.
//
// Threads  find() by any number of threads: each takes a connection of its own from those at rest,
// or opens one. A
//          look-up holds no lock of the database when it returns.
// Errors   as in account_source.hpp and account_store.hpp; the constructor throws hpfeeds::Error.
#pragma once

#include "auth/account_store.hpp"
#include "auth/limits.hpp"
#include "auth/open_mode.hpp"
#include "auth/sqlite_layout.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class SqliteStore final : public AccountStore {
public:
    struct Options {
        Missing missing = Missing::create;
        // How long a locked database is waited for.
        std::chrono::milliseconds lookup_wait = lookup_timeout;
        std::chrono::milliseconds write_wait = sqlite_write_wait;
        const SqliteLayout* layout = &authkeys_layout;  // which table holds the keys
    };

    explicit SqliteStore(std::string path) : SqliteStore(std::move(path), Options{}) {}
    SqliteStore(std::string path, Options options);
    ~SqliteStore() override;

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] Lookup find_as_of(std::string_view ident,
                                    std::chrono::steady_clock::time_point asked) noexcept override;
    [[nodiscard]] std::string name() const override { return path_; }
    [[nodiscard]] std::vector<core::Account> list() override;
    [[nodiscard]] std::string fault_in(const core::Account& account) const override;
    void put(const core::Account& account) override;
    bool remove(std::string_view ident) override;

private:
    class Connection;

    [[nodiscard]] std::unique_ptr<Connection> take_idle() noexcept;
    [[nodiscard]] std::unique_ptr<Connection> up_to_date(std::unique_ptr<Connection> connection);
    void give_back(std::unique_ptr<Connection> connection) noexcept;
    [[nodiscard]] std::unique_ptr<Connection> open_for_writing() const;

    const std::string path_;
    const Options options_;
    const SqliteLayout& layout_;
    std::mutex mutex_;  // held to move one pointer
    std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace hpfeeds::auth
