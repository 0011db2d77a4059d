// SPDX-License-Identifier: Apache-2.0
// reload.hpp: what a running broker can take over of a configuration that was read again, and what
// has to wait for its next start.
//
// Threads  the main one; counters may be read by any.
// Errors   hpfeeds::Error; then nothing was taken over.
#pragma once

#include "config/options.hpp"
#include "log/log.hpp"
#include "metrics/counter.hpp"

#include <functional>
#include <string>
#include <vector>

namespace hpfeeds::broker {

// Reads the configuration again; throws hpfeeds::Error when it is not valid as a whole.
using Reread = std::function<config::BrokerOptions()>;

struct ReloadCounters {
    metrics::Counter done;
    metrics::Counter refused;
};

// Names of flags, in order.
struct Changes {
    config::BrokerOptions options;  // the old ones, with what can be taken over of the new ones
    std::vector<std::string> taken_over;
    std::vector<std::string> for_the_next_start;
};

// Throws when what can be taken over does not fit what cannot.
[[nodiscard]] Changes changes_between(const config::BrokerOptions& now,
                                      const config::BrokerOptions& wanted);

[[nodiscard]] log::Level log_level_of(const config::BrokerOptions& options) noexcept;

// "max-queue, log-level"; "none".
[[nodiscard]] std::string list_of(const std::vector<std::string>& names);

}  // namespace hpfeeds::broker
