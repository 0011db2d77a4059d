// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_address.hpp"

#include "auth/limits.hpp"
#include "auth/mongo_url.hpp"
#include "auth/names.hpp"
#include "hpfeeds/error.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace hpfeeds::auth {
namespace {

constexpr const char* usual_collection = "auth_key";

constexpr std::array timeout_options{MONGOC_URI_SERVERSELECTIONTIMEOUTMS,
                                     MONGOC_URI_CONNECTTIMEOUTMS, MONGOC_URI_SOCKETTIMEOUTMS,
                                     MONGOC_URI_WAITQUEUETIMEOUTMS};

bool holds_a_secret(std::string_view option) {
    return option.find("password") != std::string_view::npos ||
           option.find("properties") != std::string_view::npos;
}

bool is_option_of_the_driver(const char* option) {
    return mongoc_uri_option_is_int32(option) || mongoc_uri_option_is_int64(option) ||
           mongoc_uri_option_is_bool(option) || mongoc_uri_option_is_utf8(option) ||
           std::string_view(option) == MONGOC_URI_READCONCERNLEVEL ||
           std::string_view(option) == MONGOC_URI_READPREFERENCE ||
           std::string_view(option) == MONGOC_URI_READPREFERENCETAGS ||
           std::string_view(option) == MONGOC_URI_W ||
           std::string_view(option) == MONGOC_URI_AUTHSOURCE ||
           std::string_view(option) == MONGOC_URI_AUTHMECHANISM ||
           std::string_view(option) == MONGOC_URI_AUTHMECHANISMPROPERTIES ||
           std::string_view(option) == MONGOC_URI_COMPRESSORS;
}

std::string unescaped(const std::string& text, const std::string& where) {
    char* decoded = mongoc_uri_unescape(text.c_str());
    if (decoded == nullptr)
        throw Error(where + ": a % is not followed by two hexadecimal digits; write % as %25");
    std::string out(decoded);
    bson_free(decoded);
    return out;
}

std::string collection_from(const std::string& value, const std::string& where) {
    std::string name = unescaped(value, where + ": option collection");
    if (name.empty() || name.find('$') != std::string::npos || name.starts_with('.'))
        throw Error(where + ": option collection: " + in_quotes(name) +
                    " cannot be the name of a collection; leave the option out for " +
                    usual_collection);
    return name;
}

}  // namespace

MongoAddress::MongoAddress(const std::string& text, const MongoTimeouts& timeouts)
    : collection_(usual_collection) {
    start_mongo_driver();
    const MongoSilence silence;
    const MongoUrl url = split_mongo_url(text);
    by_name_service_ = url.scheme.find("+srv") != std::string::npos;
    name_ = url.name();

    std::string for_driver = url.scheme;
    if (url.user) {
        static_cast<void>(unescaped(*url.user, name_ + ": user name"));
        for_driver += *url.user;
        if (url.password) {
            secrets_ = {*url.password, unescaped(*url.password, name_ + ": password")};
            for_driver += ':' + *url.password;
        }
        for_driver += '@';
    }
    for_driver += url.hosts + '/' + url.database;
    char mark = '?';
    for (const auto& [option, value] : url.options) {
        const std::string key = lower_case(option);
        if (key == "collection") {
            collection_ = collection_from(value, name_);
            continue;
        }
        if (!is_option_of_the_driver(key.c_str()))
            throw Error(name_ + ": there is no option " + in_quotes(option) +
                        "; hpfeeds-broker(8) says where the options are listed");
        if (holds_a_secret(key)) secrets_.push_back(value);
        for_driver += mark + option + '=' + value;
        mark = '&';
    }
    if (collection_ != usual_collection) name_ += "?collection=" + printable(collection_);

    bson_error_t error{};
    uri_.reset(mongoc_uri_new_with_error(for_driver.c_str(), &error));
    if (!uri_) throw Error(name_ + ": " + printable(without_secrets(error.message)));
    // Its parser takes a backslash for the sign that a slash does not end the hosts.
    const char* database = mongoc_uri_get_database(uri_.get());
    if (database == nullptr)
        throw Error(name_ +
                    ": the driver finds no database in it; hosts are names or addresses with a "
                    "port, and hold no backslash");
    database_ = database;
    check_timeouts();
    check_files();
    set_usual_options(timeouts);
}

// One bound for all steps, unless the URL has its own for some.
void MongoAddress::set_usual_options(const MongoTimeouts& timeouts) {
    const auto set = [&](const char* option, std::chrono::milliseconds timeout) {
        if (!mongoc_uri_has_option(uri_.get(), option))
            mongoc_uri_set_option_as_int32(uri_.get(), option,
                                           static_cast<std::int32_t>(timeout.count()));
    };
    set(MONGOC_URI_SERVERSELECTIONTIMEOUTMS, timeouts.reach);
    set(MONGOC_URI_CONNECTTIMEOUTMS, timeouts.reach);
    set(MONGOC_URI_WAITQUEUETIMEOUTMS, timeouts.reach);
    set(MONGOC_URI_SOCKETTIMEOUTMS, timeouts.answer);
    // The driver would ask again with all the patience of the first time; the store does it better.
    if (!mongoc_uri_has_option(uri_.get(), MONGOC_URI_RETRYREADS))
        mongoc_uri_set_option_as_bool(uri_.get(), MONGOC_URI_RETRYREADS, false);
    if (mongoc_uri_get_appname(uri_.get()) == nullptr)
        mongoc_uri_set_appname(uri_.get(), "hpfeeds");
}

std::chrono::milliseconds MongoAddress::answer_timeout() const {
    return std::chrono::milliseconds(
        mongoc_uri_get_option_as_int32(uri_.get(), MONGOC_URI_SOCKETTIMEOUTMS, 0));
}

// 0 means "for ever" to the driver, and a look-up must end.
void MongoAddress::check_timeouts() const {
    for (const char* option : timeout_options) {
        if (!mongoc_uri_has_option(uri_.get(), option)) continue;
        const std::int32_t value = mongoc_uri_get_option_as_int32(uri_.get(), option, 0);
        if (value < 1 || value > mongo_timeout_max.count())
            throw Error(name_ + ": option " + option + " must be 1 to " +
                        std::to_string(mongo_timeout_max.count()) + " milliseconds, not " +
                        std::to_string(value));
    }
}

// The driver would tell of a missing file at every connection, in words of OpenSSL.
void MongoAddress::check_files() const {
    for (const char* option : {MONGOC_URI_TLSCAFILE, MONGOC_URI_TLSCERTIFICATEKEYFILE}) {
        const char* path = mongoc_uri_get_option_as_utf8(uri_.get(), option, nullptr);
        if (path != nullptr && ::access(path, R_OK) != 0)
            throw Error(name_ + ": option " + option + ": cannot read '" + printable(path) +
                        "': " + std::strerror(errno));
    }
}

std::string MongoAddress::without_secrets(std::string text) const {
    for (const std::string& secret : secrets_) {
        if (secret.empty()) continue;
        for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3)
            text.replace(at, secret.size(), "***");
    }
    return text;
}

}  // namespace hpfeeds::auth
