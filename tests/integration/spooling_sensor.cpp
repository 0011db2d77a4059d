// SPDX-License-Identifier: Apache-2.0
// A sensor that is made to be killed: publishes numbered events by way of a spool, says after each
// hundred how many are published, and then waits for its end.
//
//     spooling_sensor PORT SPOOL FIRST COUNT
#include "hpfeeds/client.hpp"

#include <unistd.h>
#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    hpfeeds::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = static_cast<std::uint16_t>(std::stoi(argv[1]));
    options.ident = "both";
    options.secret = "both-secret";
    options.spool.path = argv[2];
    hpfeeds::Client client(options);
    const int first = std::stoi(argv[3]);
    const int count = std::stoi(argv[4]);
    for (int i = 1; i <= count; ++i) {
        client.publish("events", std::to_string(first + i - 1));
        if (i % 100 == 0 || i == count) std::cout << "published " << i << std::endl;
    }
    pause();
}
