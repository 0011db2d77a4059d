// SPDX-License-Identifier: Apache-2.0
// steady_pair.hpp: a publisher with a beat and a subscriber with a clock, to see who is made late.
//
// Each message is due at a moment fixed in advance and says so; what the subscriber measures is how
// long after that it came, so a message that could not even be sent counts as late as well. Both
// ask for real-time priority: they are the instrument, not the load.
#pragma once

#include "support/wire_client.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>

namespace hpfeeds::bench {

class SteadyPair {
public:
    // Logs in as `login`, which may publish and subscribe `channel`.
    SteadyPair(const support::Address& broker, const support::Login& login,
               const std::string& channel);
    ~SteadyPair();

    struct Result {
        std::size_t sent = 0;
        std::size_t received = 0;
        std::chrono::microseconds latest{0};  // delivery, from when it was due
        std::chrono::microseconds latest_sent{
            0};  // how much of such a delay was before it was sent
    };
    // Ends both and returns what they saw.
    Result finish();

private:
    void send();
    void receive();

    const std::string channel_;
    support::WireClient publisher_;
    support::WireClient subscriber_;
    std::atomic<bool> stopping_{false};
    Result result_;
    std::thread sending_;
    std::thread receiving_;
};

}  // namespace hpfeeds::bench
