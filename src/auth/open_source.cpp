// SPDX-License-Identifier: Apache-2.0
#include "auth/open_source.hpp"

#include "auth/env_source.hpp"
#include "auth/file_identity.hpp"
#include "auth/json_source.hpp"
#include "auth/json_store.hpp"
#include "auth/names.hpp"
#include "auth/open_mongo_store.hpp"
#include "auth/sql_server.hpp"
#include "auth/sql_url.hpp"
#include "auth/sqlite_store.hpp"
#include "auth/tentacool_source.hpp"
#include "hpfeeds/error.hpp"

#include <cstdint>
#include <optional>

namespace hpfeeds::auth {
namespace {

enum class Kind : std::uint8_t { json, env, sqlite, sql_server, mongodb, tentacool };

constexpr std::string_view tentacool_prefix = "tentacool:";
// To ask a server something; if it has this key all the same, that is an answer too.
constexpr std::string_view unlikely_ident = "hpfeeds-broker --check";

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
    if (spec.starts_with("mongodb:") || spec.starts_with("mongodb+")) return {Kind::mongodb, spec};
    if (spec.starts_with(tentacool_prefix))
        return {Kind::tentacool, spec.substr(tentacool_prefix.size())};
    if (spec.ends_with(".json")) return {Kind::json, spec};
    if (spec == "env") return {Kind::env, {}};
    if (spec == "sqlite") return {Kind::sqlite, "sqlite.db"};
    if (spec.ends_with(".db") || spec.ends_with(".sqlite")) return {Kind::sqlite, spec};
    throw Error(
        "'" + scheme_of(spec) +
        "' is no key store; give a path ending in .json, .db or .sqlite, or one of the words"
        " sqlite (the file sqlite.db) and env (environment variables), or the URL of a server,"
        " mongodb://HOST:PORT/DATABASE or database+postgresql://USER:PASSWORD@HOST/DATABASE");
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
        case Kind::mongodb:
            return open_mongo_store(spec, {timeout, timeout});
        case Kind::tentacool:
            return std::make_unique<TentacoolSource>(meant.path);
        case Kind::sqlite:
            break;
    }
    const bool ours = meant.layout->created_by_readers;
    return std::make_unique<SqliteStore>(
        meant.path, SqliteStore::Options{.missing = ours ? Missing::create : Missing::refuse,
                                         .lookup_wait = timeout,
                                         .layout = meant.layout});
}

std::unique_ptr<ListableSource> open_listable(const std::string& spec) {
    const Meant meant = meaning_of(spec);
    switch (meant.kind) {
        case Kind::env:
            return std::make_unique<EnvSource>(EnvSource::of_this_process());
        case Kind::tentacool:
            return std::make_unique<TentacoolSource>(meant.path);
        default:
            return open_store(spec, Missing::refuse);
    }
}

std::string look_at_source(const std::string& spec, std::chrono::milliseconds timeout) {
    const Meant meant = meaning_of(spec);
    if (meant.kind == Kind::sqlite && meant.layout->created_by_readers &&
        !identity_of(meant.path.c_str()).exists())
        return "not there yet; the start creates it, without keys";
    if (meant.kind == Kind::sql_server || meant.kind == Kind::mongodb) {
        const Lookup lookup = open_source(spec, timeout)->find(unlikely_ident);
        if (lookup.status == Lookup::Status::unavailable) throw Error(lookup.reason);
        return "reachable";
    }
    const std::size_t keys = open_listable(spec)->list().size();
    return std::to_string(keys) + (keys == 1 ? " key" : " keys");
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
        case Kind::mongodb:
            return open_mongo_store(spec, {lookup_timeout, mongo_manage_timeout});
        case Kind::tentacool:
            throw Error(
                "a Tentacool file cannot be written to; copy its keys with"
                " `hpfeeds user copy --from tentacool:PATH --to STORE`");
        case Kind::sqlite:
            break;
    }
    return std::make_unique<SqliteStore>(
        meant.path, SqliteStore::Options{.missing = missing, .layout = meant.layout});
}

}  // namespace hpfeeds::auth
