// SPDX-License-Identifier: Apache-2.0
// broker.hpp: builds the rooms and joins them: shards to key stores, counters to the exporter,
// signals to the end.
//
// Threads  one thread builds, runs and destroys a Broker.
// Errors   the constructor throws hpfeeds::Error when anything cannot be had: an address, a key
// store, a descriptor.
//          Nothing is left running then.
#pragma once

#include "config/options.hpp"

#include <memory>

namespace hpfeeds::broker {

class Broker {
public:
    // Opens the key stores, binds every endpoint and the exporter, and logs where it listens.
    // Blocks SIGTERM and SIGINT for the whole process: run() waits for them.
    explicit Broker(const config::BrokerOptions& options);
    ~Broker();
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // Serves until SIGTERM or SIGINT, then stops accepting, hands out what is queued for at most
    // BrokerOptions::shutdown_grace, and returns. A second signal ends the waiting.
    void run();

private:
    struct Rooms;
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace hpfeeds::broker
