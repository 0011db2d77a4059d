// SPDX-License-Identifier: Apache-2.0
// mongo_url.cpp: where a MongoDB is, as somebody wrote it.
//
// Input   the URL; each * is a secret (hidden.hpp). Holds   its pieces, written down again, are the
// same pieces; it is refused in one line, or its name is one line and all its waits have an end;
// neither line tells a user or a password.
#include "auth/mongo_url.hpp"

#include "auth/limits.hpp"
#include "auth/mongo_address.hpp"
#include "expect.hpp"
#include "hidden.hpp"
#include "hpfeeds/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using hpfeeds::fuzz::expect;
namespace auth = hpfeeds::auth;

std::string written(const auth::MongoUrl& url) {
    std::string text = url.scheme;
    if (url.user) text += *url.user + (url.password ? ':' + *url.password : "") + '@';
    text += url.hosts + '/' + url.database;
    char mark = '?';
    for (const auto& [name, value] : url.options) {
        text += mark + name + '=' + value;
        mark = '&';
    }
    return text;
}

void check_line(std::string_view text, bool hides) {
    expect(text.find_first_of(std::string_view("\n\r\0", 3)) == std::string_view::npos,
           "what is told is one line");
    expect(!hides || !hpfeeds::fuzz::tells(text), "no user and no password is told");
}

void check_pieces(const std::string& text, bool hides) {
    try {
        const auth::MongoUrl url = auth::split_mongo_url(text);
        const auth::MongoUrl again = auth::split_mongo_url(written(url));
        expect(again.scheme == url.scheme && again.user == url.user &&
                   again.password == url.password && again.hosts == url.hosts &&
                   again.database == url.database && again.options == url.options,
               "a URL's pieces, put together, are the same URL");
        check_line(url.name(), hides);
    } catch (const hpfeeds::Error& error) {
        check_line(error.what(), hides);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string text = hpfeeds::fuzz::with_hidden(input);
    const bool hides = hpfeeds::fuzz::hides_in_url(text);
    check_pieces(text, hides);
    try {
        const auth::MongoAddress address(text, {auth::lookup_timeout, auth::lookup_timeout});
        check_line(address.name(), hides);
        expect(!address.database().empty() && !address.collection().empty(),
               "an address names a database and a collection");
        const auto timeout = address.answer_timeout();
        expect(timeout.count() >= 1 && timeout <= auth::mongo_timeout_max, "every wait has an end");
    } catch (const hpfeeds::Error& error) {
        check_line(error.what(), hides);
    }
    return 0;
}
