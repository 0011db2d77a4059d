// SPDX-License-Identifier: Apache-2.0
// command_line.hpp: the broker's flags (upstream's, all kept, and ours) into BrokerOptions, from
// the command line, the environment and the file that --config names (settings.hpp).
#pragma once

#include "config/options.hpp"

#include <variant>

namespace hpfeeds::config {

// What the process should do instead of running: print (help, version, usage errors) and exit.
struct Exit {
    int status = 0;
    std::string out;            // for stdout
    std::string err;            // for stderr
    bool shows_values = false;  // out repeats what was set, secrets in URLs as well
};

// Never throws: a bad flag, variable or key, or a value of one, is an Exit with status 2 and a
// clear line for each that was found.
[[nodiscard]] std::variant<BrokerOptions, Exit> parse_command_line(int argc,
                                                                   const char* const* argv);

// The same with an environment of the caller's; `again` when the file has been read before.
[[nodiscard]] std::variant<BrokerOptions, Exit> parse_command_line(int argc,
                                                                   const char* const* argv,
                                                                   const Environment& environment,
                                                                   bool again = false);

}  // namespace hpfeeds::config
