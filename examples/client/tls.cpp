// SPDX-License-Identifier: Apache-2.0
// tls CERTIFICATE CHANNEL TEXT: publishes over TLS to a broker whose certificate, or its
// authority's, is in the PEM file CERTIFICATE. "system" trusts the system's authorities.
#include "connection.hpp"

#include <hpfeeds/client.hpp>

#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
    if (argc != 4) return std::cerr << "usage: tls CERTIFICATE|system CHANNEL TEXT\n", 2;
    hpfeeds::ClientOptions options = options_from_environment();
    options.tls.enabled = true;
    if (std::string_view(argv[1]) != "system") options.tls.trusted_file = argv[1];
    options.reconnect = false;  // say at once what is wrong
    try {
        hpfeeds::Client client(options);
        client.publish(argv[2], argv[3]);
        client.close();
    } catch (const hpfeeds::Error& error) {
        const bool trust = error.code() == hpfeeds::Trouble::trust;
        std::cerr << "tls: " << error.what() << (trust ? " (look at the certificate)" : "") << '\n';
        return 1;
    }
}
