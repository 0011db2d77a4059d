// SPDX-License-Identifier: Apache-2.0
// details_survey.hpp: the connections of all shards, asked for by messages.
//
// Threads  the exporter's, which waits; shards answer between two turns, a piece at a time.
// Errors   none: what could not be had in time is missing, and `complete` says so.
// Limits   survey_rows_max connections, survey_patience in all.
#pragma once

#include "net/shard_thread.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace hpfeeds::broker {

inline constexpr std::size_t survey_rows_max = 200'000;  // some 30 MB, for a moment
inline constexpr std::chrono::milliseconds survey_patience{1'000};

struct SurveyedConnection {
    net::ConnectionRow row;
    unsigned shard = 0;
};
struct Surveyed {
    std::vector<SurveyedConnection> connections;
    bool complete = true;
};
[[nodiscard]] Surveyed survey_connections(std::span<net::ShardThread* const> shards);

}  // namespace hpfeeds::broker
