// SPDX-License-Identifier: Apache-2.0
// subscribe.hpp: show what is published on some channels, until the user or the broker has had
// enough.
#pragma once

#include "console.hpp"
#include "hpfeeds/options.hpp"
#include "options.hpp"

namespace hpfeeds::cli {

// Returns the exit status. A lost connection, and a broker that is not there yet, are tried again
// after `backoff`; an ERROR of the broker ends it. Throws hpfeeds::Error when the output cannot be
// written.
[[nodiscard]] int subscribe(const ClientOptions& options, const SubscribeOptions& how,
                            const Console& console, const BackoffOptions& backoff);

}  // namespace hpfeeds::cli
