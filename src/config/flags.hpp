// SPDX-License-Identifier: Apache-2.0
// flags.hpp: what was typed, flag by flag, and its meaning.
//
// Errors  to_options() throws hpfeeds::Error: one line that names the flag, the value and the
// remedy.
#pragma once

#include "config/options.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::config {

// The values as they were written; without one, the flag was not given.
struct Flags {
    std::vector<std::string> endpoint;
    std::optional<std::string> bind;
    std::optional<std::string> tlscert;
    std::optional<std::string> tlskey;
    std::vector<std::string> auth;
    std::optional<std::string> exporter;
    bool exporter_details = false;
    std::optional<std::string> name;
    bool debug = false;
    std::optional<std::string> log_level;
    std::optional<std::string> log_format;
    std::optional<std::string> threads;

    std::optional<std::string> max_connections;
    std::optional<std::string> max_connections_per_address;
    std::optional<std::string> max_connections_per_ident;
    std::optional<std::string> login_deadline;
    std::optional<std::string> auth_failure_delay;
    std::optional<std::string> auth_failure_delay_max;
    std::optional<std::string> shutdown_grace;
    std::optional<std::string> drain_timeout;

    std::optional<std::string> max_frame;
    std::optional<std::string> max_frame_delivered;
    std::optional<std::string> max_publish_rate;
    std::optional<std::string> max_publish_bytes;
    std::optional<std::string> slow_policy;
    std::optional<std::string> slow_high_mark;
    std::optional<std::string> slow_deadline;
    std::optional<std::string> max_queue;
    std::optional<std::string> max_memory;

    std::optional<std::string> auth_workers;
    std::optional<std::string> auth_queue;
    std::optional<std::string> auth_timeout;
    std::optional<std::string> recheck;
    bool wildcards = false;
};

// Where the broker listens when nobody says where.
inline constexpr std::string_view default_bind = "0.0.0.0:20000";

// Upstream's words, to the letter: scripts look for them.
inline constexpr std::string_view half_of_tls = "Must specify --tlskey AND --tlscert";

// Checks each value against limits.hpp and the values against each other.
[[nodiscard]] BrokerOptions to_options(const Flags& flags);

// The values against each other alone. Throws hpfeeds::Error that names both.
void check_relations(const BrokerOptions& options);

}  // namespace hpfeeds::config
