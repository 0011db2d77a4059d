// SPDX-License-Identifier: Apache-2.0
// tail_json CHANNEL…: every message as a line of JSON, for jq and for log shippers. Payloads that
// are JSON stay JSON; the others become strings.
#include "connection.hpp"

#include <hpfeeds/client.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

int main(int argc, char** argv) {
    using nlohmann::json;
    try {
        hpfeeds::Client client(options_from_environment());
        for (int i = 1; i < argc; ++i)
            client.subscribe(argv[i]);
        for (const hpfeeds::MessageView& message : client) {
            json payload = json::parse(message.text(), nullptr, false);
            if (payload.is_discarded()) payload = std::string(message.text());
            const json line{{"ident", std::string(message.ident)},
                            {"channel", std::string(message.channel)},
                            {"payload", payload}};
            // Bytes that are not UTF-8 are replaced: a line of a log is for reading.
            std::cout << line.dump(-1, ' ', true, json::error_handler_t::replace) << std::endl;
        }
    } catch (const hpfeeds::Error& error) {
        std::cerr << "tail_json: " << error.what() << '\n';
        return 1;
    }
}
