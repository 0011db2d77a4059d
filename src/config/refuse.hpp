// SPDX-License-Identifier: Apache-2.0
// refuse.hpp: how a bad value on the command line is told: one line with the flag, the value and
// the remedy.
#pragma once

#include <string>
#include <string_view>

namespace hpfeeds::config {

// 'value', shortened, with control bytes as \xNN: whatever was typed, the line stays one line.
[[nodiscard]] std::string in_quotes(std::string_view value);

// Throws hpfeeds::Error: `--flag 'value': why`.
[[noreturn]] void refuse(std::string_view flag, std::string_view value, std::string_view why);

}  // namespace hpfeeds::config
