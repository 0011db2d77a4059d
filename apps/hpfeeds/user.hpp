// SPDX-License-Identifier: Apache-2.0
// user.hpp: `hpfeeds user`: who may connect, publish and subscribe, managed without SQL.
#pragma once

#include "console.hpp"

#include <CLI/CLI.hpp>

namespace hpfeeds::cli {

// Adds the subcommand `user` with add, list, show, set, remove, copy and check. A callback does the
// work and sets `status` (one of console.hpp's); it throws nothing. Requires: `status`
// outlives the parsing, and `app` takes at most one subcommand, or an ident that is called like one
// would be taken for it.
void add_user_commands(CLI::App& app, int& status, Console console = {});

}  // namespace hpfeeds::cli
