// SPDX-License-Identifier: Apache-2.0
// spool FILE CHANNEL: publishes the lines of standard input by way of a file, so that they outlive
// this program: without a broker it ends all the same, and the next run sends what is there.
#include "connection.hpp"

#include <hpfeeds/client.hpp>

#include <iostream>

int main(int argc, char** argv) {
    if (argc != 3) return std::cerr << "usage: spool FILE CHANNEL\n", 2;
    hpfeeds::ClientOptions options = options_from_environment();
    options.spool.path = argv[1];
    try {
        hpfeeds::Client client(options);
        std::string line;
        while (std::getline(std::cin, line))
            client.publish(argv[2], line);
        std::error_code late;
        client.flush(std::chrono::seconds(2), late);
        client.close(late);
        std::cout << client.stats().spooled_messages << " left for the next time\n";
    } catch (const hpfeeds::Error& error) {
        std::cerr << "spool: " << error.what() << '\n';
        return 1;
    }
}
