// SPDX-License-Identifier: Apache-2.0
// console.hpp: where a command reads and writes, so that tests can give it other ends than the
// terminal's.
#pragma once

#include <string_view>

namespace hpfeeds::cli {

struct Console {
    int in = 0;
    int out = 1;
    int err = 2;
    // Becomes readable when the user wants a subscribe to end; -1: nothing does.
    int stop = -1;

    // One line on err, "hpfeeds: …": everything that is not the command's product.
    void complain(std::string_view line) const;
    // Exactly `text`, in as few writes as it takes. False when the descriptor takes no more.
    static bool put(int descriptor, std::string_view text);
};

// Exit statuses, as the manual page has them.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_undecided = 3;  // of `user check`: neither "may" nor "may not"

}  // namespace hpfeeds::cli
