// SPDX-License-Identifier: Apache-2.0
// scripts.hpp: what scripted brokers say in the tests of subscribe and publish.
#pragma once

#include "options.hpp"
#include "unit/client/frames.hpp"
#include "unit/client/scripted_broker.hpp"

#include <chrono>
#include <string>

namespace hpfeeds::cli::testing {

using client::testing::DeadPort;
using client::testing::error;
using client::testing::info;
using client::testing::Peer;
using client::testing::publish;
using client::testing::Script;
using client::testing::ScriptedBroker;
using client::testing::subscribe;

inline ClientOptions options_for(std::uint16_t port) {
    ClientOptions options;
    options.destination.host = "127.0.0.1";
    options.destination.port = port;
    options.ident = "me";
    options.secret = "secret";
    options.channels = {"chan"};
    options.timeout = std::chrono::seconds(20);
    return options;
}

// Greets, and returns the AUTH frame.
inline std::string greet(const Peer& peer) {
    peer.send(info("broker", "1234"));
    return peer.read_frame();
}

}  // namespace hpfeeds::cli::testing
