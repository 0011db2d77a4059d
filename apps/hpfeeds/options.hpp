// SPDX-License-Identifier: Apache-2.0
// options.hpp: what the user asked for, as plain values.
#pragma once

#include "client/connection.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace hpfeeds::cli {

struct ClientOptions {
    client::Destination destination;
    std::string ident;
    std::string secret;
    std::vector<std::string> channels;
    std::chrono::milliseconds timeout{10'000};  // to connect, to be greeted, to be confirmed
    bool debug = false;
};

enum class Format : std::uint8_t { text, json, raw };

struct SubscribeOptions {
    std::string output;  // a file that the messages are appended to; empty: none
    Format format = Format::text;
    std::uint64_t count = 0;  // messages until the end; 0: no end
    bool reconnect = true;
};

}  // namespace hpfeeds::cli
