// SPDX-License-Identifier: Apache-2.0
// publish.hpp: send one message to one or more channels, and find out whether the broker took it.
//
// hpfeeds acknowledges nothing. So, once all is sent, we end our half of the connection and read
// on: a broker works through what it was sent and then closes; if it refused something, an ERROR
// comes before that.
#pragma once

#include "console.hpp"
#include "options.hpp"

#include <cstddef>
#include <string>

namespace hpfeeds::cli {

// The most bytes that a message of these options' ident to the longest of their channels holds.
// Throws hpfeeds::Error when the ident or a channel does not fit into the protocol.
[[nodiscard]] std::size_t payload_bytes_max(const ClientOptions& options);

// Returns the exit status. Requires: payload.size() <= payload_bytes_max(options).
[[nodiscard]] int publish(const ClientOptions& options, const std::string& payload,
                          const Console& console);

}  // namespace hpfeeds::cli
