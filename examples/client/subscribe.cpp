// SPDX-License-Identifier: Apache-2.0
// subscribe CHANNEL…: shows messages until it is interrupted. A lost broker comes back by itself; a
// refusal ends the program.
#include "connection.hpp"

#include <hpfeeds/client.hpp>
#include <hpfeeds/text.hpp>

#include <csignal>
#include <iostream>

namespace {
hpfeeds::Client* running = nullptr;
}

int main(int argc, char** argv) {
    int status = 0;
    hpfeeds::Client client(options_from_environment());
    running = &client;
    for (const int signal : {SIGINT, SIGTERM})
        std::signal(signal, [](int) { running->stop(); });
    for (int i = 1; i < argc; ++i)
        client.subscribe(argv[i]);
    client.run(
        [](const hpfeeds::MessageView& message) {
            std::cout << hpfeeds::one_line(message.channel) << " by "
                      << hpfeeds::one_line(message.ident) << ": "
                      << hpfeeds::one_line(message.text()) << std::endl;
        },
        [&](const hpfeeds::Error& error) {
            std::cerr << "subscribe: " << error.what() << '\n';
            if (error.code() == hpfeeds::Trouble::network) return;  // it is tried again
            status = 1;
            client.stop();
        });
    return status;
}
