// SPDX-License-Identifier: Apache-2.0
#include "auth/sql_url.hpp"

#include "auth/names.hpp"
#include "auth/percent.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace hpfeeds::auth {
namespace {

using Kind = SqlUrl::Kind;

constexpr std::string_view begin = "database+";
constexpr const char* how_to_escape =
    "; in a user's name and password, write / as %2F, @ as %40, : as %3A, ? as %3F, % as %25";

struct Scheme {
    std::string_view name;
    Kind kind;
};
constexpr std::array schemes{
    Scheme{"mysql", Kind::mysql},           Scheme{"mariadb", Kind::mysql},
    Scheme{"postgresql", Kind::postgresql}, Scheme{"postgres", Kind::postgresql},
    Scheme{"sqlite", Kind::sqlite},
};
constexpr std::array<std::string_view, 5> python_drivers{"aiomysql", "asyncmy", "asyncpg", "aiopg",
                                                         "aiosqlite"};

// What may stand behind the question mark, and the driver's own name for it.
struct Option {
    Kind kind;
    std::string_view name;
    std::string_view driver_name;
};
constexpr std::array options{
    Option{Kind::mysql, "unix_socket", "unix_socket"},
    Option{Kind::mysql, "charset", ""},
    Option{Kind::mysql, "ssl_ca", "sslca"},
    Option{Kind::mysql, "ssl_cert", "sslcert"},
    Option{Kind::mysql, "ssl_key", "sslkey"},
    Option{Kind::postgresql, "host", "host"},
    Option{Kind::postgresql, "sslmode", "sslmode"},
    Option{Kind::postgresql, "sslrootcert", "sslrootcert"},
    Option{Kind::postgresql, "sslcert", "sslcert"},
    Option{Kind::postgresql, "sslkey", "sslkey"},
    Option{Kind::postgresql, "sslcrl", "sslcrl"},
    Option{Kind::postgresql, "ssl_min_protocol_version", "ssl_min_protocol_version"},
    Option{Kind::postgresql, "channel_binding", "channel_binding"},
    Option{Kind::postgresql, "gssencmode", "gssencmode"},
    Option{Kind::postgresql, "target_session_attrs", "target_session_attrs"},
    Option{Kind::postgresql, "application_name", "application_name"},
    Option{Kind::postgresql, "passfile", "passfile"},
};

std::string_view scheme_name(Kind kind) {
    return kind == Kind::mysql ? "mysql" : kind == Kind::postgresql ? "postgresql" : "sqlite";
}

[[noreturn]] void refuse(std::string_view scheme, const std::string& why) {
    throw Error("'" + printable(scheme) + "://…': " + why);
}

std::string decoded(std::string_view scheme, std::string_view part, const char* which) {
    std::optional<std::string> text = percent_decoded(part);
    if (!text)
        refuse(scheme, std::string("the ") + which +
                           " holds a % that is not followed by two hexadecimal digits, or a NUL" +
                           how_to_escape);
    return std::move(*text);
}

Kind kind_of(std::string_view scheme) {
    std::string_view rest = scheme.substr(begin.size());
    std::string_view driver;
    if (const auto plus = rest.find('+'); plus != std::string_view::npos) {
        driver = rest.substr(plus + 1);
        rest = rest.substr(0, plus);
        if (std::find(python_drivers.begin(), python_drivers.end(), driver) == python_drivers.end())
            refuse(scheme, "unknown driver; leave it out, as in database+mysql://");
    }
    for (const Scheme& known : schemes)
        if (known.name == rest) return known.kind;
    refuse(scheme,
           "unknown kind of database; write database+mysql://, database+postgresql:// or "
           "database+sqlite:///");
}

void read_port(SqlUrl& url, std::string_view scheme, std::string_view text) {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), url.port);
    if (fault != std::errc() || end != text.data() + text.size() || url.port == 0)
        refuse(scheme, std::string("the port is no number from 1 to 65535") + how_to_escape);
}

void read_host(SqlUrl& url, std::string_view scheme, std::string_view text) {
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto closed = text.find(']');
        if (closed == std::string_view::npos)
            refuse(scheme, "the IPv6 address lacks its closing bracket");
        url.host = text.substr(1, closed - 1);
        if (url.host.find('\0') != std::string::npos)
            refuse(scheme, "the IPv6 address holds a NUL");
        const std::string_view rest = text.substr(closed + 1);
        has_port = rest.starts_with(':');
        if (has_port) port = rest.substr(1);
        if (!has_port && !rest.empty())
            refuse(scheme, "behind the IPv6 address only :PORT may stand");
    } else {
        const auto colon = text.find(':');
        has_port = colon != std::string_view::npos;
        if (has_port) port = text.substr(colon + 1);
        url.host = decoded(scheme, text.substr(0, colon), "host");
    }
    if (has_port) read_port(url, scheme, port);
}

void read_authority(SqlUrl& url, std::string_view scheme, std::string_view text) {
    const auto at = text.rfind('@');
    if (at != std::string_view::npos) {
        const std::string_view credentials = text.substr(0, at);
        const auto colon = credentials.find(':');
        url.user = decoded(scheme, credentials.substr(0, colon), "user's name");
        if (colon != std::string_view::npos)
            url.password = decoded(scheme, credentials.substr(colon + 1), "password");
        text.remove_prefix(at + 1);
    }
    read_host(url, scheme, text);
}

void read_option(SqlUrl& url, std::string_view scheme, std::string_view text) {
    const auto equals = text.find('=');
    const std::string name = decoded(scheme, text.substr(0, equals), "name of an option");
    if (equals == std::string_view::npos || equals + 1 == text.size())
        refuse(scheme, "option " + in_quotes(name) + " has no value");
    std::string value = decoded(scheme, text.substr(equals + 1), "value of an option");
    const auto known = std::find_if(options.begin(), options.end(), [&](const Option& option) {
        return option.kind == url.kind && option.name == name;
    });
    if (known == options.end()) {
        std::string list;
        for (const Option& option : options)
            if (option.kind == url.kind) list.append(list.empty() ? "" : ", ").append(option.name);
        refuse(scheme,
               "unknown option " + in_quotes(name) +
                   (list.empty() ? "; this kind of store takes none" : "; known are " + list));
    }
    if (name == "charset") {
        if (value != "utf8mb4" && value != "utf8")
            refuse(scheme, "option \"charset\" may only be utf8mb4: idents are compared as UTF-8");
        return;
    }
    url.settings.emplace_back(known->driver_name, std::move(value));
}

bool has_setting(const SqlUrl& url, std::string_view name) {
    return std::any_of(url.settings.begin(), url.settings.end(),
                       [&](const SqlUrl::Setting& setting) { return setting.first == name; });
}

void read_options(SqlUrl& url, std::string_view scheme, std::string_view text) {
    // Then what we take for options may be the end of a password with a / and a ? in it.
    if (text.find('@') != std::string_view::npos)
        refuse(scheme, std::string("an @ stands behind the ?; in an option, write it as %40") +
                           how_to_escape);
    while (!text.empty()) {
        const auto end = text.find('&');
        if (const std::string_view one = text.substr(0, end); !one.empty())
            read_option(url, scheme, one);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    const bool certificate = has_setting(url, "sslcert") || has_setting(url, "sslkey");
    if (url.kind == Kind::mysql && certificate && !has_setting(url, "sslca"))
        refuse(scheme, "ssl_cert and ssl_key need ssl_ca as well, or the server is not checked");
}

}  // namespace

std::string SqlUrl::name() const {
    if (kind == Kind::sqlite) return printable(database);
    std::string text = std::string(scheme_name(kind)) + "://";
    const bool address = host.find(':') != std::string::npos;
    text += address ? "[" + printable(host) + "]" : printable(host);
    if (port != 0) text += ":" + std::to_string(port);
    return text + "/" + printable(database);
}

SqlUrl parse_sql_url(const std::string& text) {
    const std::string_view whole = text;
    const auto colon = whole.find("://");
    const std::string_view scheme =
        whole.substr(0, std::min(whole.find(':'), colon));  // holds no secret
    if (colon == std::string_view::npos)
        refuse(scheme, "no address; write database+mysql://user:password@host/database");
    SqlUrl url;
    url.kind = kind_of(scheme);
    std::string_view rest = whole.substr(colon + 3);
    const auto question = rest.find('?');
    const std::string_view query =
        question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
    rest = rest.substr(0, question);

    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size())
        refuse(scheme, std::string("no database; write it behind the host, as in host/database") +
                           how_to_escape);
    if (url.kind == Kind::sqlite) {
        if (slash != 0)
            refuse(scheme,
                   "a file has no host; write database+sqlite:///relative.db or "
                   "database+sqlite:////absolute.db");
        url.database = decoded(scheme, rest.substr(1), "path");
    } else {
        read_authority(url, scheme, rest.substr(0, slash));
        url.database = decoded(scheme, rest.substr(slash + 1), "database");
        if (rest.substr(slash + 1).find_first_of("/@") != std::string_view::npos)
            refuse(scheme, std::string("a / or @ stands where none can be") + how_to_escape);
    }
    read_options(url, scheme, query);
    return url;
}

}  // namespace hpfeeds::auth
