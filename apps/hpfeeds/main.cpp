// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <csignal>

int main(int argc, char** argv) {
    // A reader of our output that goes away is an error code of write(2), not the end of the
    // process.
    std::signal(SIGPIPE, SIG_IGN);
    return hpfeeds::cli::run({argv + 1, argv + argc}, hpfeeds::cli::Console{});
}
