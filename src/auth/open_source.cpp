// SPDX-License-Identifier: Apache-2.0
#include "auth/open_source.hpp"

#include "auth/env_source.hpp"
#include "auth/json_source.hpp"
#include "auth/json_store.hpp"
#include "auth/names.hpp"
#include "auth/sql_server.hpp"
#include "auth/sql_url.hpp"
#include "auth/sqlite_store.hpp"
#include "hpfeeds/error.hpp"

#include <cstdint>
#include <optional>

namespace hpfeeds::auth {
namespace {

enum class Kind : std::uint8_t { json, env, sqlite, sql_server };

struct Meant {
    Kind kind;
    std::string path;
    const SqliteLayout* layout = &authkeys_layout;
    std::optional<SqlUrl> server{};
};

// A database's address may hold a password, so refusals name its beginning alone.
std::string scheme_of(const std::string& spec) {
    return printable(spec.substr(0, spec.find("://")));
}

Meant meaning_of_url(const std::string& spec) {
    SqlUrl url = parse_sql_url(spec);
    if (url.kind == SqlUrl::Kind::sqlite) return {Kind::sqlite, url.database, &auth_keys_layout};
    return {Kind::sql_server, {}, nullptr, std::move(url)};
}

Meant meaning_of(const std::string& spec) {
    if (spec.find('\0') != std::string::npos)
        throw Error("a store's name cannot hold a NUL byte: " + in_quotes(spec));
    if (spec.starts_with("database+")) return meaning_of_url(spec);
    if (spec.ends_with(".json")) return {Kind::json, spec};
    if (spec == "env") return {Kind::env, {}};
    if (spec.starts_with("mongo"))
        throw Error("'" + scheme_of(spec) +
                    "': this build has no MongoDB store yet; use a .json file, env or sqlite");
    if (spec == "sqlite") return {Kind::sqlite, "sqlite.db"};
    if (spec.ends_with(".db") || spec.ends_with(".sqlite")) return {Kind::sqlite, spec};
    throw Error(
        "'" + scheme_of(spec) +
        "' is no key store; give a path ending in .json, .db or .sqlite, or one of the words"
        " sqlite (the file sqlite.db) and env (environment variables)");
}

}  // namespace

std::unique_ptr<AccountSource> open_source(const std::string& spec,
                                           std::chrono::milliseconds timeout) {
    const Meant meant = meaning_of(spec);
    switch (meant.kind) {
        case Kind::json:
            return std::make_unique<JsonSource>(meant.path);
        case Kind::env:
            return std::make_unique<EnvSource>(EnvSource::of_this_process());
        case Kind::sql_server:
            return open_sql_server(*meant.server, Missing::refuse, timeout);
        case Kind::sqlite:
            break;
    }
    const bool ours = meant.layout->created_by_readers;
    return std::make_unique<SqliteStore>(
        meant.path, SqliteStore::Options{.missing = ours ? Missing::create : Missing::refuse,
                                         .lookup_wait = timeout,
                                         .layout = meant.layout});
}

std::unique_ptr<AccountStore> open_store(const std::string& spec, Missing missing) {
    const Meant meant = meaning_of(spec);
    switch (meant.kind) {
        case Kind::json:
            return std::make_unique<JsonStore>(meant.path, missing);
        case Kind::env:
            throw Error(
                "environment variables cannot be written to: keys there are set where the"
                " broker is started; use a .json file or sqlite");
        case Kind::sql_server:
            return open_sql_server(*meant.server, missing, sql_write_wait);
        case Kind::sqlite:
            break;
    }
    return std::make_unique<SqliteStore>(
        meant.path, SqliteStore::Options{.missing = missing, .layout = meant.layout});
}

std::string store_name(const std::string& spec) {
    return spec.starts_with("database+") ? parse_sql_url(spec).name() : spec;
}

}  // namespace hpfeeds::auth
