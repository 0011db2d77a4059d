// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"
#include "config/process_title.hpp"

#include <csignal>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    // A reader of our output that goes away is an error code of write(2), not the end of the
    // process.
    std::signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> words(argv + 1, argv + argc);
    hpfeeds::config::hide_passwords(argc, argv);
    return hpfeeds::cli::run(words, hpfeeds::cli::Console{});
}
