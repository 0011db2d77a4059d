// SPDX-License-Identifier: Apache-2.0
// sqlite_layout.hpp: the two tables in which SQLite files hold keys, as SQL.
//
// authkeys   upstream's default store: `sqlite`, FILE.db. Created when missing, with logs and
//            stats, which nobody uses.
// auth_keys  the table of SQL servers, in a file: `database+sqlite:///FILE`. Created only by
//            whoever wants to write. The documented one has an id that is NOT NULL and that nothing
//            fills in (its AUTO_INCREMENT is MySQL's; SQLite takes it for a part of the type's
//            name), so an INSERT says one.
//
// Everywhere: ?1 is the ident as text, ?2 the same bytes as a blob, which SQLite never calls equal.
// Rows come as owner, ident, secret, pubchans, subchans, the oldest first. The indexes are ours;
// without them a login would read the whole table.
#pragma once

#include "auth/key_row.hpp"

#include <string_view>

namespace hpfeeds::auth {

struct SqliteLayout {
    KeyColumns columns;
    bool created_by_readers;
    const char* create;
    std::string_view tables;  // their names, quoted, for a question to sqlite_master
    int tables_count;
    bool has_owners;
    std::string_view select_row;
    std::string_view select_all;
    std::string_view update_row;  // ?3 owner, ?4 secret, ?5 pubchans, ?6 subchans
    std::string_view insert_row;  // ?1 ident, then ?3 to ?6
    std::string_view insert_row_without_id;
    std::string_view delete_rows;
};

inline constexpr SqliteLayout authkeys_layout{
    authkeys_columns,
    true,
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS authkeys (id integer primary key autoincrement,"
    " owner TEXT, ident TEXT, secret TEXT, pubchans TEXT, subchans TEXT);"
    "CREATE TABLE IF NOT EXISTS logs (id integer primary key autoincrement, data TEXT);"
    "CREATE TABLE IF NOT EXISTS stats (id integer primary key autoincrement,"
    " ak TEXT, uid TEXT, data TEXT);"
    "CREATE INDEX IF NOT EXISTS authkeys_ident ON authkeys (ident);"
    "COMMIT",
    "'authkeys', 'logs', 'stats'",
    3,
    true,
    "SELECT owner, ident, secret, pubchans, subchans FROM authkeys"
    " WHERE ident IN (?1, ?2) ORDER BY rowid LIMIT 1",
    "SELECT owner, ident, secret, pubchans, subchans FROM authkeys"
    " WHERE ident IS NOT NULL ORDER BY rowid",
    "UPDATE authkeys SET owner = ?3, secret = ?4, pubchans = ?5, subchans = ?6 WHERE rowid ="
    " (SELECT rowid FROM authkeys WHERE ident IN (?1, ?2) ORDER BY rowid LIMIT 1)",
    "INSERT INTO authkeys (ident, owner, secret, pubchans, subchans) VALUES (?1, ?3, ?4, ?5, ?6)",
    "INSERT INTO authkeys (ident, owner, secret, pubchans, subchans) VALUES (?1, ?3, ?4, ?5, ?6)",
    "DELETE FROM authkeys WHERE ident IN (?1, ?2)",
};

inline constexpr SqliteLayout auth_keys_layout{
    auth_keys_columns,
    false,
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS auth_keys (id integer primary key autoincrement,"
    " identifier text, secret text, publish json, subscribe json);"
    "CREATE INDEX IF NOT EXISTS auth_keys_identifier ON auth_keys (identifier);"
    "COMMIT",
    "'auth_keys'",
    1,
    false,
    "SELECT NULL, identifier, secret, publish, subscribe FROM auth_keys"
    " WHERE identifier IN (?1, ?2) ORDER BY rowid LIMIT 1",
    "SELECT NULL, identifier, secret, publish, subscribe FROM auth_keys"
    " WHERE identifier IS NOT NULL ORDER BY rowid",
    "UPDATE auth_keys SET secret = ?4, publish = ?5, subscribe = ?6 WHERE rowid ="
    " (SELECT rowid FROM auth_keys WHERE identifier IN (?1, ?2) ORDER BY rowid LIMIT 1)",
    "INSERT INTO auth_keys (id, identifier, secret, publish, subscribe)"
    " SELECT coalesce(max(id), 0) + 1, ?1, ?4, ?5, ?6 FROM auth_keys",
    "INSERT INTO auth_keys (identifier, secret, publish, subscribe) VALUES (?1, ?4, ?5, ?6)",
    "DELETE FROM auth_keys WHERE identifier IN (?1, ?2)",
};

}  // namespace hpfeeds::auth
