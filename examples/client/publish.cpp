// SPDX-License-Identifier: Apache-2.0
// publish CHANNEL TEXT…: one event per text, and an answer whether the broker took them.
#include "connection.hpp"

#include <hpfeeds/client.hpp>

#include <iostream>

int main(int argc, char** argv) {
    if (argc < 3) return std::cerr << "usage: publish CHANNEL TEXT...\n", 2;
    try {
        hpfeeds::Client client(options_from_environment());
        for (int i = 2; i < argc; ++i)
            client.publish(argv[1], argv[i]);
        client.close();
    } catch (const hpfeeds::Error& error) {
        std::cerr << "publish: " << error.what() << '\n';
        return 1;
    }
}
