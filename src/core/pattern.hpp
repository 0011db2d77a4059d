// SPDX-License-Identifier: Apache-2.0
// pattern.hpp: names that stand for many channels, where the broker was started with --wildcards.
//
//   *          every channel
//   PREFIX.*   every channel that begins with `PREFIX.`
//
// A star anywhere else is a plain byte. So the patterns that can cover a name are one for each of
// its dots, and `*`: they are looked up, never searched for.
//
// Threads  any.    Bytes  names are raw bytes (client-quirk 17).
#pragma once

#include "wire/limits.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace hpfeeds::core {

inline constexpr std::string_view every_channel = "*";

[[nodiscard]] constexpr bool is_pattern(std::string_view name) noexcept {
    return name == every_channel || name.ends_with(".*");
}

// Calls `visit` with each pattern that covers `name`, the broadest first, until one returns true;
// whether one did. A pattern is covered by itself and by those that are broader.
template <typename Visit>
bool any_pattern_over(std::string_view name, Visit visit) {
    if (visit(every_channel)) return true;
    if (name.size() > wire::string_bytes_max) return false;  // no channel is that long
    std::array<char, wire::string_bytes_max + 1> pattern;
    for (std::size_t at = 0; at < name.size(); ++at) {
        pattern[at] = name[at];
        if (name[at] != '.') continue;
        pattern[at + 1] = '*';  // the next byte of the name takes its place
        if (visit(std::string_view(pattern.data(), at + 2))) return true;
    }
    return false;
}

}  // namespace hpfeeds::core
