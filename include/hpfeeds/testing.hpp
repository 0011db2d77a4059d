// SPDX-License-Identifier: Apache-2.0
// testing.hpp: a throw-away broker inside a test program, on a free loopback port.
//
//     hpfeeds::testing::Broker broker({{"sensor", "secret", {"events"}, {"events"}}});
//     hpfeeds::ClientOptions options = broker.options_for("sensor");
//     … publish with what is to be tested, read with a second client …
//     broker.restart();   // does the sensor come back?
//
//     hpfeeds::testing::Broker with_tls(users, {.enabled = true});   // options_for() trusts it
//
// It is the real broker with its real refusals, not a model of one; only a failed login is answered
// at once instead of after a second, so that tests of it are quick.
//
// Threads    one thread builds, stops, starts and destroys it; port() and options_for() are for
//            any. It serves from threads of its own, which touch neither signals nor limits of the
//            process.
// Ownership  destroying it closes every connection and ends its threads.
// Errors     the constructor and start() throw hpfeeds::Error when no port or descriptor is to be
//            had, or a certificate cannot be used. Links hpfeeds::testing; not for production: keys
//            are in the program.
#pragma once

#include "hpfeeds/options.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::testing {

// Who may log in, and what that permits.
struct User {
    std::string ident;                        // the name to log in with, at most 255 bytes
    std::string secret;                       // shared with the client; never sent
    std::vector<std::string> publish = {};    // channels this user may publish on
    std::vector<std::string> subscribe = {};  // channels this user may subscribe to
};

// Whether, and as whom, a broker speaks TLS.
struct BrokerTls {
    // Every connection is TLS 1.2 or newer.
    bool enabled = false;
    // PEM files of a certificate and its key, which must be good for 127.0.0.1. Both empty: made
    // for this broker, signed by itself, and removed with it.
    std::string certificate_file{};
    std::string key_file{};  // see certificate_file; give both or neither
};

// A broker on 127.0.0.1 that lives as long as this object.
class Broker {
public:
    // Starts serving `users` before it returns.
    explicit Broker(std::vector<User> users, BrokerTls tls = {});
    // Stops at once.
    ~Broker();
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // Closes every connection, after handing out what is queued, and listens no more: connecting
    // is refused, and the port stays reserved for start(). Does nothing when stopped.
    void stop();
    // Listens again, on the same port, with no memory of what was before. Does nothing when
    // running.
    void start();
    // stop(), then start().
    void restart();

    // The loopback port; the same for the whole life of this object.
    [[nodiscard]] std::uint16_t port() const noexcept;
    // Options for a client that logs in as `ident`, one of the users: host, port, ident, secret,
    // and with TLS the broker's certificate as the one to trust (a file that this object owns when
    // it made the certificate).
    // Throws hpfeeds::Error for an ident that is not among them.
    [[nodiscard]] ClientOptions options_for(std::string_view ident) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace hpfeeds::testing
