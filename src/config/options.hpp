// SPDX-License-Identifier: Apache-2.0
// options.hpp: everything the broker can be told, as plain values. Units are in the names; defaults
// are those of the documentation, or ours where it has none.
#pragma once

#include "config/endpoint.hpp"
#include "config/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::config {

enum class SlowPolicy : std::uint8_t { disconnect, drop_newest, drop_oldest };
enum class LogFormat : std::uint8_t { text, json };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct BrokerOptions {
    std::vector<Endpoint> endpoints;          // never empty after parsing
    std::vector<std::string> auth{"sqlite"};  // --auth, in order
    std::optional<HostPort> exporter;         // off unless asked for
    bool exporter_details = false;            // lists of connections, idents and channels as well
    std::string name = "hpfeeds";             // in INFO; at most 255 bytes
    LogLevel log_level = LogLevel::info;      // debug: every connection and subscription, too
    LogFormat log_format = LogFormat::text;
    unsigned threads = 1;  // shards; 1 to 64, or threads_auto

    std::size_t connections_max = 0;  // 0: what the descriptor limit allows
    // From one IPv4 address or one /64 of IPv6; 0: any number. Nothing: 1,024, and any number from
    // this machine itself.
    std::optional<std::size_t> connections_per_address_max;
    std::size_t connections_per_ident_max = 0;  // logged in; 0: any number
    std::chrono::milliseconds login_deadline{10'000};
    std::chrono::milliseconds refusal_delay{
        1'000};  // before a failed login is answered (client-quirk 10)
    std::chrono::milliseconds refusal_delay_max{
        32'000};  // … when more of the same address have failed
    std::chrono::milliseconds shutdown_grace{2'000};  // to hand out what is queued after SIGTERM
    std::chrono::milliseconds drain_timeout{30'000};  // the same after SIGUSR2, once replaced

    std::size_t frame_bytes_max = 1'048'581;    // of a PUBLISH, header included
    std::size_t delivered_frame_bytes_max = 0;  // longer ones reach nobody; 0: as frame_bytes_max
    std::size_t publish_rate_max = 0;           // messages a second of one ident; 0: any number
    std::size_t publish_bytes_max = 0;          // bytes a second of one ident; 0: any number
    SlowPolicy slow_policy = SlowPolicy::disconnect;
    std::size_t slow_high_bytes = 52'429'050;  // 50 full frames; the low mark is a quarter
    std::chrono::milliseconds slow_deadline{60'000};
    std::size_t subscriber_bytes_max = 67'108'864;  // queued for one subscriber, hard
    std::size_t memory_bytes_max = 536'870'912;     // of all message memory, hard

    // Of each key store that has to be waited for:
    unsigned auth_workers = 4;
    std::size_t auth_queue_max = 8'192;             // look-ups that wait for it
    std::chrono::milliseconds auth_timeout{2'000};  // of one look-up, once it is under way

    // How often a key in use is looked up again where its store does not tell changes; 0: never.
    // Nothing: sessions keep the rights they logged in with.
    std::optional<std::chrono::milliseconds> recheck{30'000};
    bool wildcards = false;  // `*` and `prefix.*` in channel lists stand for many channels

    bool check = false;              // say what would be, and do not serve
    Settings settings;               // what was said, flag by flag, and where
    std::vector<std::string> notes;  // what may be a mistake in it; lines for the log
};

}  // namespace hpfeeds::config
