// SPDX-License-Identifier: Apache-2.0
// command_line.hpp: the words of the command line into an action, and the action into an exit
// status.
#pragma once

#include "console.hpp"

#include <string>
#include <vector>

namespace hpfeeds::cli {

// Never throws: usage errors are one line and status 2, failures one line and status 1. `arguments`
// are those behind the program's name. Reads HPFEEDS_HOST, _PORT, _IDENT and _SECRET for what the
// arguments leave out. Without a console.stop of the caller's, a subscribe ends on SIGINT and
// SIGTERM.
[[nodiscard]] int run(const std::vector<std::string>& arguments, Console console);

}  // namespace hpfeeds::cli
