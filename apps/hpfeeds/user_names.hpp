// SPDX-License-Identifier: Apache-2.0
// user_names.hpp: names that cannot work, and names that some clients cannot bear.
#pragma once

#include "core/account.hpp"

#include <string>
#include <vector>

namespace hpfeeds::cli {

struct SplitNames {
    std::vector<std::string> names;
    bool had_empty = false;  // a name between commas was empty; it was left out
};

// `--publish a,b --publish c` is three channels; `--publish ""` alone is none, and no mistake.
[[nodiscard]] SplitNames split_names(const std::vector<std::string>& given);

// Why nobody can ever use the account as it is, one sentence each.
[[nodiscard]] std::vector<std::string> refusals_of(const core::Account& account);

// What will make trouble for some, one sentence each: clients in Go and Java (client-quirk 15),
// tools that split at commas; and what a star means.
[[nodiscard]] std::vector<std::string> warnings_of(const core::Account& account);

}  // namespace hpfeeds::cli
