// SPDX-License-Identifier: Apache-2.0
// command_line.hpp: the broker's flags (upstream's, all kept, and ours) into BrokerOptions.
#pragma once

#include "config/options.hpp"

#include <variant>

namespace hpfeeds::config {

// What the process should do instead of running: print (help, version, usage errors) and exit.
struct Exit {
    int status = 0;
    std::string out;  // for stdout
    std::string err;  // for stderr
};

// Never throws: a bad flag or value is an Exit with status 2 and one clear line.
[[nodiscard]] std::variant<BrokerOptions, Exit> parse_command_line(int argc,
                                                                   const char* const* argv);

}  // namespace hpfeeds::config
