// SPDX-License-Identifier: Apache-2.0
// top_snapshot.hpp: what the exporter's pages say at one moment, as values.
//
// Threads  values.    Errors  hpfeeds::Error for what is not such a page. What a page lacks is 0 or
// empty: a newer broker may tell more, an older one less.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::cli::top_view {

struct Overview {
    std::string name{};
    std::string version{};
    double seconds = 0;  // since its start
    std::int64_t connections = 0;
    std::int64_t logged_in = 0;
    std::int64_t idents = 0;
    std::int64_t channels = 0;
    std::int64_t subscriptions = 0;
    std::uint64_t accepted = 0;
    std::uint64_t messages = 0;  // published
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t dropped = 0;  // messages
    std::int64_t queued_bytes = 0;
    std::int64_t memory_bytes = 0;
    std::int64_t memory_bytes_max = 0;
    std::map<std::string, std::uint64_t> refusals;
};
struct Ident {
    std::string name{};
    std::string owner{};
    std::int64_t connections = 0;
    std::int64_t queued_bytes = 0;
    std::uint64_t messages = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t dropped = 0;
    std::uint64_t refused = 0;
};
struct Channel {
    std::string name{};
    std::int64_t subscriptions = 0;
    std::uint64_t publishers = 0;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
};
struct Connection {
    std::string address{};
    std::string ident{};
    std::string state{};
    double seconds = 0;
    std::int64_t queued_bytes = 0;
    bool slow = false;
    bool dropping = false;
};
struct Snapshot {
    Overview overview;
    std::vector<Ident> idents;
    std::vector<Channel> channels;
    std::vector<Connection> connections;
};

[[nodiscard]] Overview parse_overview(std::string_view json);
[[nodiscard]] std::vector<Ident> parse_idents(std::string_view json);
[[nodiscard]] std::vector<Channel> parse_channels(std::string_view json);
[[nodiscard]] std::vector<Connection> parse_connections(std::string_view json);

}  // namespace hpfeeds::cli::top_view
