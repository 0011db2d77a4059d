// SPDX-License-Identifier: Apache-2.0
// sql_server.hpp: opens the store that keeps keys in a table of MySQL, MariaDB or PostgreSQL.
//
// A build without HPFEEDS_WITH_SOCI has no drivers, and says so.
//
// Errors  hpfeeds::Error: a missing driver, with the package that holds it; with Missing::create,
//         also a server that cannot be reached or does not let us make the table.
#pragma once

#include "auth/account_store.hpp"
#include "auth/open_mode.hpp"
#include "auth/sql_url.hpp"

#include <chrono>
#include <memory>

namespace hpfeeds::auth {

// Missing::create connects at once and makes the table when there is none; Missing::refuse does not
// connect before it is asked. Requires: a url of a server, not of SQLite.
[[nodiscard]] std::unique_ptr<AccountStore> open_sql_server(const SqlUrl& url, Missing missing,
                                                            std::chrono::milliseconds timeout);

}  // namespace hpfeeds::auth
