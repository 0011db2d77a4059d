// SPDX-License-Identifier: Apache-2.0
// user_check.hpp: `hpfeeds user check`: may it, and which store says so?
#pragma once

#include "console.hpp"

#include <string>
#include <vector>

namespace hpfeeds::cli {

struct CheckRequest {
    std::string ident;
    std::string channel;
    bool publish = false;  // neither: both are told, and either is enough
    bool subscribe = false;
    bool wildcards = false;           // as a broker with --wildcards reads the lists
    std::vector<std::string> stores;  // asked in order, as a broker asks them
    bool json = false;
};

// exit_done: it may; exit_failed: it may not; exit_undecided: the stores could not tell. Never
// tells a secret. Does not throw.
[[nodiscard]] int check_user(const CheckRequest& request, const Console& console) noexcept;

}  // namespace hpfeeds::cli
