// SPDX-License-Identifier: Apache-2.0
// broker.hpp: builds the rooms and joins them: shards to key stores, counters to the exporter,
// signals to the end.
//
// Threads  one thread builds, runs (or starts and stops) and destroys a Broker.
// Errors   the constructor throws hpfeeds::Error when anything cannot be had: an address, a key
// store, a descriptor.
//          Nothing is left running then.
#pragma once

#include "auth/account_source.hpp"
#include "broker/reload.hpp"
#include "broker/shutdown.hpp"
#include "config/options.hpp"
#include "service/surroundings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace hpfeeds::broker {

class Upgrade;

class Broker {
public:
    // Opens the key stores, binds every endpoint and the exporter, and logs where it listens.
    // Blocks the signals of signals.hpp for the whole process: run() waits for them. Sockets and a
    // service manager are taken from `around`.
    explicit Broker(const config::BrokerOptions& options, service::Surroundings around = {});
    // A guest in somebody else's process: asks `key_store` in place of BrokerOptions::auth, and
    // touches neither signals nor limits. For start() and stop().
    Broker(const config::BrokerOptions& options, std::unique_ptr<auth::AccountSource> key_store);
    // Requires: stop() was called after start().
    ~Broker();
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // Serves, and tells the service manager so once it listens and every key store was asked; until
    // SIGTERM or SIGINT, or until another process has taken over, which SIGUSR2 starts. Then it
    // stops accepting, hands out what is queued for at most
    // BrokerOptions::shutdown_grace, and returns. A second signal ends the waiting.
    // At SIGHUP it takes over what it can of what `reread` says; if that, a certificate or a key
    // file is not valid, everything stays as it is.
    void run(const Reread& reread = {});

    // run() in two halves: serves from threads of its own until stop(), which waits for nothing but
    // the grace. Once each.
    void start();
    void stop();

    // Of the first endpoint, as the system chose it for 0.
    [[nodiscard]] std::uint16_t port() const noexcept;

private:
    struct Rooms;
    void build(const config::BrokerOptions& options, std::size_t descriptors_max,
               std::vector<std::unique_ptr<auth::AccountSource>> key_stores,
               service::Surroundings around);
    // Until the signal that ends the broker, which it returns; nothing: another process serves.
    [[nodiscard]] std::optional<int> attend(Upgrade& upgrade, const Reread& reread);
    void reload(const Reread& reread);
    void take_over(const config::BrokerOptions& options);
    void finish(std::chrono::milliseconds grace, const Patience& patience,
                const std::function<void()>& taken_over = {});
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace hpfeeds::broker
