// SPDX-License-Identifier: Apache-2.0
// user_actions.hpp: what `hpfeeds user` does, once it is clear what was asked.
#pragma once

#include "console.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::cli {

// What the command line said; an absent value was not given.
struct UserRequest {
    std::string store = "sqlite.db";
    bool json = false;
    std::string ident;
    std::optional<std::string> owner;
    std::optional<std::string> secret;
    std::optional<std::string> secret_file;  // `-`: standard input
    std::optional<std::string> secret_variable;
    bool generate_secret = false;
    bool show_secret = false;
    bool replace = false;  // add: in the place of the one with this ident, if there is one
    // As given: one item may name several channels, with commas between.
    std::optional<std::vector<std::string>> publish, subscribe;
    std::vector<std::string> add_publish, remove_publish, add_subscribe, remove_subscribe;
};

// Each returns the exit status, and has told on the console what it did or why not. None throws.
[[nodiscard]] int add_user(const UserRequest& request, const Console& console) noexcept;
[[nodiscard]] int list_users(const UserRequest& request, const Console& console) noexcept;
[[nodiscard]] int show_user(const UserRequest& request, const Console& console) noexcept;
[[nodiscard]] int set_user(const UserRequest& request, const Console& console) noexcept;
[[nodiscard]] int remove_user(const UserRequest& request, const Console& console) noexcept;

}  // namespace hpfeeds::cli
