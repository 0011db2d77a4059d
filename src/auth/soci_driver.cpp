// SPDX-License-Identifier: Apache-2.0
#include "auth/soci_driver.hpp"

#include "hpfeeds/error.hpp"

#include <dlfcn.h>
#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {
namespace {

using Kind = SqlUrl::Kind;

// Drivers carry the version of SOCI's binary interface: libsoci_mysql.so.4.0.
std::string library_of(Kind kind) {
    return std::string("libsoci_") + driver_name(kind) + ".so." +
           std::to_string(SOCI_VERSION / 100'000) + "." +
           std::to_string(SOCI_VERSION / 100 % 1'000);
}

std::string package_of(Kind kind) {
    return std::string("libsoci-") + driver_name(kind) + std::to_string(SOCI_VERSION / 100'000) +
           "." + std::to_string(SOCI_VERSION / 100 % 1'000);
}

// A function of a client library which its driver has loaded; nothing when it is not there.
template <typename Function>
Function* function_of(const char* library, const char* name) noexcept {
    void* const handle = ::dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) return nullptr;
    auto* const found = reinterpret_cast<Function*>(::dlsym(handle, name));
    ::dlclose(handle);  // the driver still holds it
    return found;
}

constexpr const char* libpq = "libpq.so.5";
constexpr const char* libmariadb = "libmariadb.so.3";

// 'it''s', as SOCI's MySQL driver reads it.
std::string doubled(std::string_view value) {
    std::string out = "'";
    for (const char each : value) {
        if (each == '\'') out += '\'';
        out += each;
    }
    return out + '\'';
}

// 'it\'s', as libpq reads it.
std::string escaped(std::string_view value) {
    std::string out = "'";
    for (const char each : value) {
        if (each == '\'' || each == '\\') out += '\\';
        out += each;
    }
    return out + '\'';
}

// Both client libraries count whole seconds, and libpq takes 1 for 2.
std::string whole_seconds(std::chrono::milliseconds timeout) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count());
}

// Only what was loaded in the meantime is known not to be cast from something else.
__attribute__((no_sanitize("undefined"))) PGconn* connection_of(soci::session& session) noexcept {
    return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
}

}  // namespace

const char* driver_name(Kind kind) noexcept {
    return kind == Kind::mysql ? "mysql" : "postgresql";
}

void load_driver(Kind kind) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const std::vector<std::string> loaded = soci::dynamic_backends::list_all();
    if (std::find(loaded.begin(), loaded.end(), driver_name(kind)) != loaded.end()) return;
    try {
        soci::dynamic_backends::register_backend(driver_name(kind), library_of(kind));
    } catch (const soci::soci_error&) {
        const char* why = ::dlerror();
        throw Error(std::string("the driver for ") + driver_name(kind) + " servers, " +
                    library_of(kind) + ", cannot be loaded" +
                    (why != nullptr ? std::string(" (") + why + ")" : std::string()) +
                    "; install the package " + package_of(kind));
    }
    // Its first call of all must not be made by two threads at once.
    using Initialise = int(int, char**, char**);
    if (kind == Kind::mysql)
        if (auto* const initialise = function_of<Initialise>(libmariadb, "mysql_server_init"))
            initialise(0, nullptr, nullptr);
}

std::string connect_string(const SqlUrl& url, std::chrono::milliseconds timeout) {
    const bool mysql = url.kind == Kind::mysql;
    std::string text;
    const auto add = [&](std::string_view key, std::string_view value) {
        if (value.empty()) return;
        text.append(key).append("=").append(mysql ? doubled(value) : escaped(value)).append(" ");
    };
    const std::string seconds = whole_seconds(timeout);
    const auto own_host =
        std::find_if(url.settings.begin(), url.settings.end(),
                     [](const SqlUrl::Setting& setting) { return setting.first == "host"; });
    if (own_host == url.settings.end()) add("host", url.host);
    if (url.port != 0) text += "port=" + std::to_string(url.port) + " ";
    add(mysql ? "db" : "dbname", url.database);
    add("user", url.user);
    add(mysql ? "pass" : "password", url.password);
    for (const auto& [key, value] : url.settings)
        add(key, value);
    text += "connect_timeout=" + seconds + " ";
    if (mysql) {
        // Without `charset`, SOCI's driver escapes for latin1.
        text += "charset=utf8mb4 read_timeout=" + seconds + " write_timeout=" + seconds;
    } else {
        text += "client_encoding=UTF8 fallback_application_name=hpfeeds";
    }
    return text;
}

int socket_of(soci::session& session, Kind kind) noexcept {
    if (kind != Kind::postgresql) return -1;  // read_timeout does it
    static auto* const socket = function_of<int(const PGconn*)>(libpq, "PQsocket");
    return socket != nullptr ? socket(connection_of(session)) : -1;
}

}  // namespace hpfeeds::auth
