// SPDX-License-Identifier: Apache-2.0
// hpfeeds::Client against a broker that nobody here wrote; python_broker.py starts it.
//
//     client_driver PORT    exit status 0, or 1 with a line that says what was different
//
// Keys: `both` publishes and subscribes `events`, `sensor` publishes it alone.
#include "hpfeeds/client.hpp"

#include <chrono>
#include <iostream>
#include <string>

namespace {

using namespace std::chrono_literals;
using hpfeeds::Client;
using hpfeeds::Errc;

hpfeeds::ClientOptions options(const char* port, std::string ident, std::string secret) {
    hpfeeds::ClientOptions made;
    made.host = "127.0.0.1";
    made.port = static_cast<std::uint16_t>(std::stoi(port));
    made.ident = std::move(ident);
    made.secret = std::move(secret);
    return made;
}

[[noreturn]] void differ(const std::string& what) {
    std::cerr << "client_driver: " << what << '\n';
    std::exit(1);
}

void carries_messages(const char* port) {
    Client client(options(port, "both", "both-secret"));
    client.subscribe("events");
    constexpr int count = 3000;
    const std::string bytes("\0\xff\n", 3);
    for (int i = 0; i < count; ++i)
        client.publish("events", bytes + std::to_string(i));
    for (int i = 0; i < count; ++i) {
        const auto message = client.read(30s);
        if (!message) differ("message " + std::to_string(i) + " did not come");
        if (message->text() != bytes + std::to_string(i)) differ("a message came out of order");
    }
    const std::string large(900'000, 'x');
    client.publish("events", large);
    if (const auto message = client.read(30s); !message || message->text() != large)
        differ("the large message is another one");
    client.unsubscribe("events");
    client.close();
    std::cout << "carried " << count << " messages through " << client.broker_name() << '\n';
}

void expect(const char* port, const char* secret, const char* publish, const char* subscribe,
            Errc expected) {
    Client client(options(port, "sensor", secret));
    if (*subscribe != '\0') client.subscribe(subscribe);
    if (*publish != '\0') client.publish(publish, "x");
    hpfeeds::MessageView message;
    std::error_code failed;
    client.read(message, 30s, failed);
    if (failed != expected)
        differ("expected " + make_error_code(expected).message() + ", got " + failed.message() +
               " (" + client.last_error() + ")");
    std::cout << client.last_error() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        carries_messages(argv[1]);
        expect(argv[1], "wrong", "", "", Errc::authentication_failed);
        expect(argv[1], "sensor-secret", "forbidden", "", Errc::publish_refused);
        expect(argv[1], "sensor-secret", "", "events", Errc::subscribe_refused);
    } catch (const std::exception& error) {
        differ(error.what());
    }
}
