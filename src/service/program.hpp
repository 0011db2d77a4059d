// SPDX-License-Identifier: Apache-2.0
// program.hpp: how this program was started, so that it can be started again.
#pragma once

#include <string>
#include <vector>

namespace hpfeeds::service {

struct Program {
    // Absolute. As it was called, if that leads here: so a link that is pointed elsewhere starts
    // what it points to then. Found once, at the start: later the file may have been replaced.
    std::string path;
    std::vector<std::string> arguments;  // the first is the program's name
};

// Call it before anything changes argv or the working directory.
[[nodiscard]] Program this_program(int argc, const char* const* argv);

}  // namespace hpfeeds::service
