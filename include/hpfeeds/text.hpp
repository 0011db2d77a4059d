// SPDX-License-Identifier: Apache-2.0
// text.hpp: bytes that somebody else chose, made safe to show.
//
// Idents, channels, payloads and a broker's words come from strangers, who may put control
// characters and line breaks into them to forge lines of a log or to command a terminal.
//
// Threads  any.    Errors  none but for want of memory.
#pragma once

#include "hpfeeds/export.hpp"

#include <string>
#include <string_view>

namespace hpfeeds {

// UTF-8 as it is; control characters, line breaks, marks that change the direction of writing, and
// bytes that are not UTF-8 as \n, \r, \t, \xNN or \u{N}.
[[nodiscard]] HPFEEDS_EXPORT std::string one_line(std::string_view text);

}  // namespace hpfeeds
