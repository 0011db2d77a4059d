// SPDX-License-Identifier: Apache-2.0
// environment.hpp: variables by which a service manager speaks to the process it starts.
//
// Threads  the main one, before there are others: variables are taken out.
// Errors   hpfeeds::Error that names the variable, its value and the remedy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::service {

// The variable's value, which leaves the environment: what is meant for us is not for our children.
[[nodiscard]] std::optional<std::string> take_variable(const char* name);

// `value` as a whole number from 0 to `most`; throws when it is none.
[[nodiscard]] std::uint64_t whole_number(std::string_view variable, std::string_view value,
                                         std::uint64_t most);

[[noreturn]] void refuse_variable(std::string_view variable, std::string_view value,
                                  std::string_view why);

}  // namespace hpfeeds::service
