// SPDX-License-Identifier: Apache-2.0
// soci_store.hpp: keys in the table auth_keys of a MySQL, MariaDB or PostgreSQL server.
//
// auth_keys(id, identifier, secret, publish, subscribe), with or without the id; lists are JSON,
// NULL lists are empty; the owner is the identifier. Of several rows the first decides. Idents are
// compared byte for byte, whatever the column's collation takes for equal; one that is not UTF-8 or
// holds a NUL cannot stand in such a table, so it is absent without a question to the server.
//
// Connections are kept between look-ups, as many as are used at once. One that turns out to be dead
// is replaced at once: the server may have been restarted meanwhile.
//
// Threads  find() by any number of threads, each with a connection of its own.
// Errors   as in account_source.hpp and account_store.hpp; the constructor throws hpfeeds::Error.
#pragma once

#include "auth/account_store.hpp"
#include "auth/open_mode.hpp"
#include "auth/soci_connection.hpp"
#include "auth/sql_url.hpp"
#include "auth/stall_watch.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class SociStore final : public AccountStore {
public:
    // See sql_server.hpp.
    SociStore(SqlUrl url, Missing missing, std::chrono::milliseconds timeout);

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] std::string name() const override { return name_; }
    [[nodiscard]] std::vector<core::Account> list() override;
    [[nodiscard]] std::string fault_in(const core::Account& account) const override;
    void put(const core::Account& account) override;
    bool remove(std::string_view ident) override;

private:
    using Connection = std::unique_ptr<SociConnection>;

    [[nodiscard]] std::vector<KeyRow> rows_of(std::string_view ident);
    [[nodiscard]] Connection take_idle();
    [[nodiscard]] Connection connect();
    void give_back(Connection connection);
    void drop_idle();

    const SqlUrl url_;
    const std::string name_;
    const std::chrono::milliseconds timeout_;
    StallWatch watch_;
    std::mutex mutex_;              // held to move pointers
    std::vector<Connection> idle_;  // last: its members watch the time
};

}  // namespace hpfeeds::auth
