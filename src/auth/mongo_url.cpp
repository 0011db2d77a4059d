// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_url.hpp"

#include "auth/names.hpp"
#include "hpfeeds/error.hpp"

#include <cstddef>

namespace hpfeeds::auth {
namespace {

constexpr std::string_view schemes[] = {"mongodb://", "mongodb+srv://"};

// What stands before `mark` in `text`, which becomes what stands behind it; all, when there is
// none.
std::string_view cut(std::string_view& text, char mark) {
    const std::size_t at = text.find(mark);
    const std::string_view before = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return before;
}

void read_options(std::string_view text, MongoUrl& url) {
    while (!text.empty()) {
        const std::string_view option = cut(text, '&');
        const std::size_t equals = option.find('=');
        if (equals == std::string_view::npos || equals == 0)
            throw Error(url.name() + ": an option behind the `?` is not written NAME=VALUE");
        url.options.emplace_back(option.substr(0, equals), option.substr(equals + 1));
    }
}

}  // namespace

std::string MongoUrl::name() const {
    return scheme + printable(hosts) + '/' + printable(database);
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& byte : out)
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    return out;
}

MongoUrl split_mongo_url(std::string_view text) {
    MongoUrl url;
    for (const std::string_view scheme : schemes)
        if (text.starts_with(scheme)) url.scheme = scheme;
    if (url.scheme.empty())
        throw Error("'" + printable(text.substr(0, text.find(':'))) +
                    "': a MongoDB store is written mongodb://HOST:PORT/DATABASE");
    text.remove_prefix(url.scheme.size());
    if (text.find('\0') != std::string_view::npos)  // where the driver would stop reading
        throw Error("'" + url.scheme + "…': a NUL byte cannot stand in a URL; write it as %00");

    // A password that holds one of these as it is would be cut in pieces, and the pieces be told.
    const std::size_t first_at = text.find('@');
    const std::size_t last_at = text.rfind('@');
    const std::size_t path = text.find_first_of("/?");
    if (last_at != first_at || (last_at != std::string_view::npos && path < last_at))
        throw Error("'" + url.scheme +
                    "…': in a user name, a password or an option, write @ as %40, / as %2F, "
                    "? as %3F, : as %3A and % as %25");
    if (last_at != std::string_view::npos) {
        const std::string_view who = text.substr(0, last_at);
        if (who.find(':') != who.rfind(':'))
            throw Error("'" + url.scheme + "…': in a user name or a password, write : as %3A");
        url.user = who.substr(0, who.find(':'));
        if (who.find(':') != std::string_view::npos) url.password = who.substr(who.find(':') + 1);
        text.remove_prefix(last_at + 1);
    }

    std::string_view where = cut(text, '?');
    url.hosts = cut(where, '/');
    url.database = where;
    if (url.hosts.empty())
        throw Error("'" + url.scheme + "…': no host is named; write " + url.scheme +
                    "HOST:PORT/DATABASE");
    if (url.database.empty())
        throw Error(url.scheme + printable(url.hosts) +
                    ": no database is named; put it behind the host, as in " + url.scheme +
                    printable(url.hosts) + "/hpfeeds");
    read_options(text, url);
    return url;
}

}  // namespace hpfeeds::auth
