// SPDX-License-Identifier: Apache-2.0
// A test as the author of a sensor writes it: a broker in the test's own process, plain and with
// TLS; what is published arrives, also after the broker was away.
#include <hpfeeds/client.hpp>
#include <hpfeeds/testing.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace {

constexpr std::chrono::seconds patience{30};

// Whether `text`, published by one client, reaches another.
bool arrives(const hpfeeds::testing::Broker& broker, const std::string& text) {
    hpfeeds::Client logger(broker.options_for("logger"));
    hpfeeds::Client sensor(broker.options_for("both"));
    logger.subscribe("events");
    // A subscription is not answered: what is published before it is not heard. So again and again.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        sensor.publish("events", text);
        const auto message = logger.read(std::chrono::milliseconds(100));
        if (message) return message->text() == text && message->ident == "both";
    }
    return false;
}

int check(bool good, const char* what) {
    std::cout << (good ? "good: " : "BAD: ") << what << '\n';
    return good ? 0 : 1;
}

}  // namespace

int main() {
    const std::vector<hpfeeds::testing::User> users{{"both", "b", {"events"}, {"events"}},
                                                    {"logger", "l", {}, {"events"}}};
    int bad = 0;
    hpfeeds::testing::Broker plain(users);
    bad += check(arrives(plain, "one"), "a message through a broker");
    plain.restart();
    bad += check(arrives(plain, "two"), "a message after its restart");
    const hpfeeds::testing::Broker with_tls(users, {.enabled = true});
    bad += check(with_tls.options_for("both").tls.enabled, "the options speak TLS");
    bad += check(arrives(with_tls, "three"), "a message over TLS");

    auto wrong = plain.options_for("both");
    wrong.secret = "wrong";
    hpfeeds::Client refused(wrong);
    std::error_code error;
    hpfeeds::MessageView message;
    refused.read(message, patience, error);
    bad += check(error == hpfeeds::Errc::authentication_failed, "a wrong secret is refused");
    return bad;
}
