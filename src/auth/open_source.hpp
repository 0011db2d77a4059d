// SPDX-License-Identifier: Apache-2.0
// open_source.hpp: from what `--auth` or `--store` says to the store it means.
//
//   ends in .json          the JSON file, watched for changes
//   env                    the environment variables HPFEEDS_…
//   sqlite                 the SQLite file sqlite.db in the working directory
//   ends in .db, .sqlite   that SQLite file
//   mongodb://…, mongodb+srv://…   a collection of that MongoDB server (mongo_address.hpp)
//   tentacool:PATH         the key file of the broker Tentacool, as it is now; to read alone
//   database+…://…         an SQL server or an SQLite file with the table auth_keys (sql_url.hpp)
//
// Errors  hpfeeds::Error: what was said, and what may be said. Whatever the store's own opening
// throws.
#pragma once

#include "auth/account_source.hpp"
#include "auth/account_store.hpp"
#include "auth/limits.hpp"
#include "auth/listable_source.hpp"
#include "auth/open_mode.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace hpfeeds::auth {

// To look keys up; one that has to wait gives up after `timeout`. The default store's SQLite file
// is created when missing.
[[nodiscard]] std::unique_ptr<AccountSource> open_source(
    const std::string& spec, std::chrono::milliseconds timeout = lookup_timeout);

// To read keys without changing or creating anything: `hpfeeds user list`, `copy --from`, `check`.
[[nodiscard]] std::unique_ptr<ListableSource> open_listable(const std::string& spec);

// What is there, for a person: "12 keys", "reachable". Changes and creates nothing; a store that
// the broker would create is said to be missing. Throws hpfeeds::Error when it cannot be used.
[[nodiscard]] std::string look_at_source(const std::string& spec,
                                         std::chrono::milliseconds timeout = lookup_timeout);

// To manage keys; `env` and `tentacool:` cannot be written to.
[[nodiscard]] std::unique_ptr<AccountStore> open_store(const std::string& spec,
                                                       Missing missing = Missing::create);

}  // namespace hpfeeds::auth
