// SPDX-License-Identifier: Apache-2.0
// mongo_url.hpp: the text of a `mongodb://…` URL, in its pieces.
//
// Threads  any.    Errors  hpfeeds::Error without a word of what stands before the hosts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::auth {

// As they stand in the URL, escapes and all.
struct MongoUrl {
    std::string scheme;  // with "://"
    std::optional<std::string> user;
    std::optional<std::string> password;
    std::string hosts;
    std::string database;
    std::vector<std::pair<std::string, std::string>> options;

    // What may be told of it, in one line: scheme, hosts and database.
    [[nodiscard]] std::string name() const;
};

// Refuses what would make parts of a password look like something else.
[[nodiscard]] MongoUrl split_mongo_url(std::string_view url);

[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace hpfeeds::auth
