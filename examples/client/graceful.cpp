// SPDX-License-Identifier: Apache-2.0
// graceful CHANNEL: publishes the lines of standard input, and ends in good order at its end or at
// SIGTERM: what was published is sent, the broker is heard out, and what was lost is said.
#include "connection.hpp"

#include <hpfeeds/client.hpp>

#include <atomic>
#include <csignal>
#include <iostream>

namespace {
volatile std::sig_atomic_t ends = 0;
}

int main(int argc, char** argv) {
    if (argc != 2) return std::cerr << "usage: graceful CHANNEL\n", 2;
    struct sigaction action {};  // without SA_RESTART: a read of standard input must end
    action.sa_handler = [](int) { ends = 1; };
    sigaction(SIGTERM, &action, nullptr);
    hpfeeds::Client client(options_from_environment());
    std::string line;
    while (ends == 0 && std::getline(std::cin, line))
        client.publish(argv[1], line);

    std::error_code failed;
    client.close(failed);
    const hpfeeds::ClientStats stats = client.stats();
    std::cerr << stats.published << " published, " << stats.unsent_messages << " unsent, "
              << stats.dropped_for_room + stats.dropped_for_age << " dropped\n";
    if (failed)
        std::cerr << "graceful: " << failed.message() << ": " << client.last_error() << '\n';
    return failed ? 1 : 0;
}
