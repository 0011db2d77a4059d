// SPDX-License-Identifier: Apache-2.0
#include "auth/sql_dialect.hpp"

namespace hpfeeds::auth {
namespace {

const SqlDialect postgresql{
    // A statement that waits for a lock is given up there as well, and not only here.
    .greetings = {"SET statement_timeout = %d"},
    .columns =
        "SELECT CAST(attname AS text) FROM pg_catalog.pg_attribute"
        " WHERE attrelid = to_regclass('auth_keys') AND attnum > 0 AND NOT attisdropped",
    .identifier_collation = nullptr,
    .prepare_look_up = nullptr,
    .hand_over_ident = nullptr,
    .look_up =
        "SELECT CAST(identifier AS text), CAST(secret AS text), CAST(publish AS text),"
        " CAST(subscribe AS text) FROM auth_keys WHERE identifier = :ident",
    .look_up_recoded =
        "SELECT CAST(identifier AS text), CAST(secret AS text), CAST(publish AS text),"
        " CAST(subscribe AS text) FROM auth_keys"
        " WHERE convert_to(CAST(identifier AS text), 'UTF8') = decode(:ident_hex, 'hex')",
    .list =
        "SELECT CAST(identifier AS text), CAST(secret AS text), CAST(publish AS text),"
        " CAST(subscribe AS text) FROM auth_keys WHERE identifier IS NOT NULL",
    .create_table =
        "CREATE TABLE auth_keys (id serial PRIMARY KEY,"
        " identifier varchar(255) NOT NULL UNIQUE, secret text NOT NULL,"
        " publish json, subscribe json)",
    // Two who add the same ident at once: one after the other.
    .lock = "LOCK TABLE auth_keys IN SHARE ROW EXCLUSIVE MODE",
    .count = "SELECT count(*) FROM auth_keys WHERE CAST(identifier AS text) = :ident",
    .update =
        "UPDATE auth_keys SET secret = :secret, publish = :publish, subscribe = :subscribe"
        " WHERE CAST(identifier AS text) = :ident",
    .insert =
        "INSERT INTO auth_keys (identifier, secret, publish, subscribe)"
        " VALUES (:ident, :secret, :publish, :subscribe)",
    .remove = "DELETE FROM auth_keys WHERE CAST(identifier AS text) = :ident",
    .order = " ORDER BY id",
};

#define EXACT_IDENT "CAST(CONVERT(identifier USING utf8mb4) AS BINARY) = UNHEX(:ident_hex)"
#define AS_TEXT(name) "CONVERT(UNHEX(:" name ") USING utf8mb4)"

const SqlDialect mysql{
    // A value that does not fit is refused, not cut; backslashes and quotes mean the usual.
    .greetings = {"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
                  "SET SESSION lock_wait_timeout = %s",
                  "SET SESSION innodb_lock_wait_timeout = %s"},
    .columns =
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = 'auth_keys'",
    .identifier_collation =
        "SELECT character_set_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = 'auth_keys'"
        " AND column_name = 'identifier'",
    // An index is of use only in the column's own collation, and an ident which its character set
    // cannot hold must be one that is not found, not an error.
    .prepare_look_up =
        "PREPARE hpfeeds_look_up FROM 'SELECT identifier, secret, publish, subscribe"
        " FROM auth_keys WHERE identifier = %p",
    .hand_over_ident = "SET @hpfeeds_ident = " AS_TEXT("ident_hex"),
    .look_up = "EXECUTE hpfeeds_look_up USING @hpfeeds_ident",
    .look_up_recoded = nullptr,
    .list =
        "SELECT identifier, secret, publish, subscribe FROM auth_keys"
        " WHERE identifier IS NOT NULL",
    .create_table =
        "CREATE TABLE auth_keys (id int AUTO_INCREMENT PRIMARY KEY,"
        " identifier varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " secret text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " publish json, subscribe json, KEY auth_keys_identifier (identifier)) ENGINE=InnoDB",
    .lock = nullptr,
    .count = "SELECT count(*) FROM auth_keys WHERE " EXACT_IDENT " FOR UPDATE",
    .update = "UPDATE auth_keys SET secret = " AS_TEXT("secret_hex") ", publish = " AS_TEXT(
        "publish_hex") ", subscribe = " AS_TEXT("subscribe_hex") " WHERE " EXACT_IDENT,
    .insert = "INSERT INTO auth_keys (identifier, secret, publish, subscribe) VALUES (" AS_TEXT(
        "ident_hex") ", " AS_TEXT("secret_hex") ", " AS_TEXT("publish_hex") ", " AS_TEXT("subscribe"
                                                                                         "_hex") ")",
    .remove = "DELETE FROM auth_keys WHERE " EXACT_IDENT,
    .order = " ORDER BY id",
};

#undef EXACT_IDENT
#undef AS_TEXT

}  // namespace

const SqlDialect& dialect_of(SqlUrl::Kind kind) {
    return kind == SqlUrl::Kind::mysql ? mysql : postgresql;
}

}  // namespace hpfeeds::auth
