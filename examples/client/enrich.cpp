// SPDX-License-Identifier: Apache-2.0
// enrich FROM TO: reads JSON events, adds where their source is, and publishes them again, from
// inside the callback. The table stands for a GeoIP database.
#include "connection.hpp"

#include <hpfeeds/client.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <iostream>
#include <map>

namespace {

hpfeeds::Client* running = nullptr;

std::string country_of(const std::string& address) {
    static const std::map<std::string, std::string> table{{"192.0.2.", "NL"},
                                                          {"198.51.100.", "BR"}};
    for (const auto& [prefix, country] : table)
        if (address.starts_with(prefix)) return country;
    return "unknown";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::cerr << "usage: enrich FROM TO\n", 2;
    hpfeeds::Client client(options_from_environment());
    running = &client;
    std::signal(SIGTERM, [](int) { running->stop(); });
    client.subscribe(argv[1]);
    client.run(
        [&](const hpfeeds::MessageView& message) {
            nlohmann::json event = nlohmann::json::parse(message.text(), nullptr, false);
            if (!event.is_object() || !event.contains("source_ip")) return;
            event["country"] = country_of(event["source_ip"].dump().substr(1));
            std::error_code refused;  // an event that has grown too large is left out
            client.publish(argv[2], event.dump(), refused);
        },
        [](const hpfeeds::Error& error) { std::cerr << "enrich: " << error.what() << '\n'; });
}
