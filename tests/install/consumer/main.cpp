// SPDX-License-Identifier: Apache-2.0
// Uses everything that is installed, as far as that goes without a broker.
#include <hpfeeds/client.hpp>
#include <hpfeeds/text.hpp>
#include <hpfeeds/version.hpp>

#include <iostream>

int main() {
    hpfeeds::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = 1;  // nobody listens there
    options.ident = "me";
    options.secret = "secret";
    options.reconnect = false;
    try {
        const hpfeeds::Client client(options);
        std::cerr << "somebody listens on port 1\n";
        return 1;
    } catch (const hpfeeds::Error& error) {
        // Thrown in the library, caught by its type here.
        if (error.code() != hpfeeds::Trouble::network) return 1;
        std::cout << hpfeeds::one_line(error.what()) << '\n';
    }
    options.reconnect = true;
    options.timeout = std::chrono::milliseconds(100);
    hpfeeds::Client client(options);
    client.publish("chan", "waits");
    std::cout << HPFEEDS_VERSION_TEXT << ": " << client.stats().unsent_messages << " waits\n";
    return client.stats().unsent_messages == 1 ? 0 : 1;
}
