// SPDX-License-Identifier: Apache-2.0
// survey.hpp: a look at a shard's connections, asked for by a message and answered by the shard.
//
// A survey walks the table piece by piece, a message for each: no turn is held up for longer than
// it takes to write down survey_slots_max rows, and a shard that nobody asks pays nothing.
// Connections that come or go in between are seen or not.
//
// Threads    the asker makes it and reads it after `answered`; the shard alone writes in between.
// Ownership  shared: an asker that lost patience leaves it to the shard.
#pragma once

#include "core/session.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

namespace hpfeeds::net {

// Slots of the table that one message asks for.
inline constexpr std::size_t survey_slots_max = 256;

// One connection. Never a secret.
struct ConnectionRow {
    Address peer;
    std::string ident;  // raw bytes; empty before the login
    std::string owner;
    core::State state = core::State::vacant;
    bool tls = false;
    bool slow = false;      // over the high mark: its deadline runs
    bool dropping = false;  // frames are dropped for it
    std::size_t queued_bytes = 0;
    std::size_t subscriptions = 0;
    core::Instant accepted_at{};
};

struct Survey {
    std::size_t first_slot = 0;
    std::vector<ConnectionRow> rows;  // with room for survey_slots_max
    bool more = false;                // there are slots behind these
    std::binary_semaphore answered{0};
};

// The message.
struct Look {
    std::shared_ptr<Survey> survey;
};

}  // namespace hpfeeds::net
