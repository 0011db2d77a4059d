// SPDX-License-Identifier: Apache-2.0
// user_copy.hpp: `hpfeeds user copy`: keys from one store into another.
#pragma once

#include "console.hpp"

#include <string>
#include <vector>

namespace hpfeeds::cli {

struct CopyRequest {
    std::string from;
    std::string to;
    std::vector<std::string> idents;  // none: all
    bool replace = false;             // what is there and differs
    bool dry_run = false;
    bool json = false;
};

// A key is copied whole or not at all, and what becomes of each is told. The exit status: done when
// the target then holds all that was asked for. Does not throw.
[[nodiscard]] int copy_users(const CopyRequest& request, const Console& console) noexcept;

}  // namespace hpfeeds::cli
