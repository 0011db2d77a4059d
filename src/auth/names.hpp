// SPDX-License-Identifier: Apache-2.0
// names.hpp: idents, owners and channels, as bytes and as a person reads them.
//
// Threads  any.    Errors  nothing throws.
#pragma once

#include <string>
#include <string_view>

namespace hpfeeds::auth {

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

// What is safe on a terminal and in a log line: control characters, what turns the direction of
// writing, quotes, backslashes and everything that is not UTF-8 become escapes such as \x1b.
[[nodiscard]] std::string printable(std::string_view bytes);

// The same between quotation marks.
[[nodiscard]] std::string in_quotes(std::string_view bytes);

}  // namespace hpfeeds::auth
