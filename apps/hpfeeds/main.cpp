// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"
#include "hide_secrets.hpp"

#include <csignal>
#include <string>
#include <utility>
#include <vector>

int main(int argc, char** argv) {
    // A reader of our output that goes away is an error code of write(2), not the end of the
    // process.
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<std::string> arguments(argv + 1, argv + argc);
    hpfeeds::hide_secrets(argc, argv);
    return hpfeeds::cli::run(std::move(arguments), hpfeeds::cli::Console{});
}
