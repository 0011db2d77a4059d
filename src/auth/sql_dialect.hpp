// SPDX-License-Identifier: Apache-2.0
// sql_dialect.hpp: what we say to a server, in its own SQL.
//
// An ident is hostile bytes, so no byte of a value ever stands in SQL: PostgreSQL gets values apart
// from the statement; for MySQL, whose SOCI driver writes values into the text (escaped), they
// travel as hexadecimal digits and are put together again by the server.
//
// Names with a colon are SOCI's parameters: texts, and hexadecimal where they end in _hex.
#pragma once

#include "auth/sql_url.hpp"

#include <vector>

namespace hpfeeds::auth {

struct SqlDialect {
    // Said once to each new connection. One %d stands for the timeout in milliseconds, %s in whole
    // seconds.
    std::vector<const char*> greetings;
    // One row per column of auth_keys that we may read, in no order; none without the table.
    const char* columns;
    // MySQL: the character set and collation of identifier. Then the look-up is prepared there, %p
    // being a parameter of that kind, handed :ident_hex, and `look_up` has no parameter.
    const char* identifier_collation;
    const char* prepare_look_up;
    const char* hand_over_ident;
    // Rows of identifier, secret, publish, subscribe whose identifier equals :ident as the
    // column's collation sees it: more than one where that is lax.
    const char* look_up;
    // PostgreSQL whose texts are in another encoding than UTF-8.
    const char* look_up_recoded;
    const char* list;
    const char* create_table;
    const char* lock;
    // All rows of exactly this ident.
    const char* count;
    const char* update;
    const char* insert;
    const char* remove;
    const char* order;  // behind look_up and list where there is an id: the oldest row first
};

[[nodiscard]] const SqlDialect& dialect_of(SqlUrl::Kind kind);

}  // namespace hpfeeds::auth
