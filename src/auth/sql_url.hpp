// SPDX-License-Identifier: Apache-2.0
// sql_url.hpp: what `database+…://` says about a database.
//
//   database+mysql://user:password@host:3306/database?unix_socket=…&ssl_ca=…
//   database+postgresql://user:password@host:5432/database?sslmode=…&host=…
//   database+sqlite:///relative.db     database+sqlite:////absolute.db
//
// Every part is percent-decoded. `postgres` and `mariadb` are other names of the two servers, and
// the drivers of upstream's library may be named behind a plus sign (`mysql+aiomysql`); we have our
// own.
//
// Threads  any.
// Errors   hpfeeds::Error, which says what is wrong without telling anything that could be a part
//          of the password.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::auth {

struct SqlUrl {
    enum class Kind : std::uint8_t { mysql, postgresql, sqlite };
    using Setting = std::pair<std::string, std::string>;

    Kind kind = Kind::sqlite;
    std::string user;
    std::string password;
    std::string host;        // empty: what the driver takes when nobody says
    std::uint16_t port = 0;  // 0: the same
    std::string database;    // sqlite: the file's path
    // From behind the question mark, checked, by the driver's own names.
    std::vector<Setting> settings;

    // For people, logs and metrics: scheme, host and database, never user or password.
    [[nodiscard]] std::string name() const;
};

// Requires: `text` begins with "database+".
[[nodiscard]] SqlUrl parse_sql_url(const std::string& text);

}  // namespace hpfeeds::auth
