// SPDX-License-Identifier: Apache-2.0
// doctor.hpp: finds out why no data arrives, and says it in plain words.
//
// From the bottom up: the name, each address, TLS, what greets, the login, the rights, a round
// trip, and whether anybody publishes. What fails ends the examination where nothing above can
// work.
//
// The login and the right to subscribe are examined without a trace. The right to publish cannot
// be: only a message that is published shows it, and all who subscribe to the channel receive it.
// So nothing is published but on the channels of `publish_channels`: one probe on each, two where
// there is a round trip.
//
// Threads  one owner.    Errors  findings; throws hpfeeds::Error for what does not fit into the
// protocol.
#pragma once

#include "console.hpp"
#include "options.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace hpfeeds::cli {

struct DoctorOptions {
    // ClientOptions::channels are those to subscribe to; its ident may be empty: then there is no
    // login.
    std::vector<std::string> publish_channels;
    std::chrono::seconds listen{3};  // for messages on the channels; 0: not at all
    bool json = false;
};

// Returns the exit status: exit_done when nothing is wrong.
[[nodiscard]] int doctor(const ClientOptions& client, const DoctorOptions& options,
                         const Console& console);

}  // namespace hpfeeds::cli
