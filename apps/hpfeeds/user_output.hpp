// SPDX-License-Identifier: Apache-2.0
// user_output.hpp: accounts as a person or a script reads them. Names may hold any bytes, so a
// person sees them escaped; in JSON what is not UTF-8 stands under its key with `_base64` behind
// it.
#pragma once

#include "core/account.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::cli {

enum class Secret : std::uint8_t { hidden, shown };

// One account, a field a line.
[[nodiscard]] std::string user_text(const core::Account& account, Secret secret);
// {"ident", "owner", "pubchans", "subchans"} and, when shown, "secret".
[[nodiscard]] std::string user_json(const core::Account& account, Secret secret);
// The same with "replaced": whether there was one before.
[[nodiscard]] std::string stored_json(const core::Account& account, Secret secret, bool replaced);
[[nodiscard]] std::string users_table(const std::vector<core::Account>& accounts, Secret secret);
[[nodiscard]] std::string users_json(const std::vector<core::Account>& accounts, Secret secret);
[[nodiscard]] std::string removed_json(std::string_view ident);

// What became of one key that was to be copied.
struct CopiedUser {
    enum class Fate : std::uint8_t { copied, replaced, same, kept, failed };
    std::string ident;
    Fate fate = Fate::copied;
    std::vector<std::string> differs_in;  // replaced, kept: fields
    std::string why;                      // failed
};
struct CopiedUsers {
    std::string from;
    std::string to;
    bool dry_run = false;
    const std::vector<CopiedUser>& users;
};
[[nodiscard]] std::string copied_text(const CopiedUsers& copied);
[[nodiscard]] std::string copied_json(const CopiedUsers& copied);

// What the stores say about an ident and a channel.
struct CheckedUser {
    std::string ident;
    std::string channel;
    std::vector<std::string> asked;
    std::vector<std::pair<std::string, std::string>> could_not_tell;  // store and reason
    std::string store;  // the one that knows the ident; none: empty
    bool may_publish = false;
    bool may_subscribe = false;
};
[[nodiscard]] std::string checked_json(const CheckedUser& checked);

}  // namespace hpfeeds::cli
