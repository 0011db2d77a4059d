// SPDX-License-Identifier: Apache-2.0
// publish_samples CHANNEL FOLDER: publishes every file of a folder, as a honeypot does with malware
// that it caught. Files above the protocol's limit are named and left out.
#include "connection.hpp"

#include <hpfeeds/client.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char** argv) {
    if (argc != 3) return std::cerr << "usage: publish_samples CHANNEL FOLDER\n", 2;
    int status = 0;
    try {
        hpfeeds::Client client(options_from_environment());
        for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string sample{std::istreambuf_iterator<char>(file), {}};
            std::error_code refused;
            client.publish(argv[1], sample, refused);
            if (refused) {
                std::cerr << entry.path() << ": " << refused.message() << '\n';
                status = 1;
            }
        }
        client.close();
    } catch (const std::exception& error) {
        std::cerr << "publish_samples: " << error.what() << '\n';
        return 1;
    }
    return status;
}
