// SPDX-License-Identifier: Apache-2.0
// soci_driver.hpp: SOCI's drivers, which are loaded when a store needs them and not before.
//
// Threads  any.
// Errors   load_driver() throws hpfeeds::Error with the package to install.
#pragma once

#include "auth/soci.hpp"
#include "auth/sql_url.hpp"

#include <chrono>
#include <string>

namespace hpfeeds::auth {

// Loads the driver of such servers; again is free.
void load_driver(SqlUrl::Kind kind);

// What soci::session takes. Holds the password.
[[nodiscard]] std::string connect_string(const SqlUrl& url, std::chrono::milliseconds timeout);

// The socket of an open connection, or -1.
[[nodiscard]] int socket_of(soci::session& session, SqlUrl::Kind kind) noexcept;

[[nodiscard]] const char* driver_name(SqlUrl::Kind kind) noexcept;

}  // namespace hpfeeds::auth
