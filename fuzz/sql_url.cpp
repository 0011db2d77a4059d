// SPDX-License-Identifier: Apache-2.0
// sql_url.cpp: where a database is, as somebody wrote it.
//
// Input   what stands behind `database+`; each * is a secret (hidden.hpp). Holds   it is refused in
// one line, or its pieces hold no NUL, its name is one line, and written down again it is the same;
// neither line tells a user or a password.
#include "auth/sql_url.hpp"

#include "expect.hpp"
#include "hidden.hpp"
#include "hpfeeds/error.hpp"

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

using hpfeeds::auth::SqlUrl;
using hpfeeds::fuzz::expect;

bool is_line(std::string_view text) {
    return text.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos;
}

std::string escaped(std::string_view text) {
    constexpr const char* digits = "0123456789ABCDEF";
    std::string out;
    for (const char byte : text) {
        const auto value = static_cast<unsigned char>(byte);
        if (std::isalnum(value) != 0)
            out += byte;
        else
            (out += '%') += {digits[value >> 4], digits[value & 15]};
    }
    return out;
}

// An option as people write it; of MySQL, they write `ssl_ca` for the driver's `sslca`.
std::string option_name(bool mysql, const std::string& name) {
    return mysql && name.starts_with("ssl") ? "ssl_" + name.substr(3) : name;
}

std::string written(const SqlUrl& url) {
    if (url.kind == SqlUrl::Kind::sqlite) return "database+sqlite:///" + escaped(url.database);
    const bool mysql = url.kind == SqlUrl::Kind::mysql;
    std::string text = mysql ? "database+mysql://" : "database+postgresql://";
    text += escaped(url.user) + ':' + escaped(url.password) + '@' + escaped(url.host);
    if (url.port != 0) text += ':' + std::to_string(url.port);
    text += '/' + escaped(url.database);
    char mark = '?';
    for (const auto& [name, value] : url.settings) {
        text += mark + option_name(mysql, name) + '=' + escaped(value);
        mark = '&';
    }
    return text;
}

void check_pieces(const SqlUrl& url) {
    for (const std::string* piece : {&url.user, &url.password, &url.host, &url.database})
        expect(piece->find('\0') == std::string::npos, "no piece holds a NUL");
    for (const auto& [name, value] : url.settings)
        expect(!name.empty() && !value.empty() && value.find('\0') == std::string::npos,
               "a setting is a name and a value");
    const SqlUrl again = hpfeeds::auth::parse_sql_url(written(url));
    expect(again.kind == url.kind && again.user == url.user && again.password == url.password &&
               again.host == url.host && again.port == url.port && again.database == url.database &&
               again.settings == url.settings,
           "a URL's text is the same URL");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string text = "database+" + hpfeeds::fuzz::with_hidden(input);
    const bool hides = hpfeeds::fuzz::hides_in_url(text);
    try {
        const SqlUrl url = hpfeeds::auth::parse_sql_url(text);
        check_pieces(url);
        expect(is_line(url.name()), "a name is one line");
        expect(!hides || url.kind == SqlUrl::Kind::sqlite || !hpfeeds::fuzz::tells(url.name()),
               "a name tells no user and no password");
    } catch (const hpfeeds::Error& error) {
        expect(is_line(error.what()), "an error is one line");
        expect(!hides || !hpfeeds::fuzz::tells(error.what()),
               "an error tells no user and no password");
    }
    return 0;
}
