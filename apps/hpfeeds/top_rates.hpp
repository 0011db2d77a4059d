// SPDX-License-Identifier: Apache-2.0
// top_rates.hpp: two snapshots into what happened between them.
//
// A counter that went down was of another process: the broker was restarted, and nothing is known
// of the time between.
//
// Threads  values.    Errors  none.
#pragma once

#include "top_snapshot.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace hpfeeds::cli::top_view {

// Per second; -1: not known.
using Rate = double;
inline constexpr Rate unknown_rate = -1;

struct IdentRow {
    Ident now;
    Rate messages = unknown_rate;
    Rate received = unknown_rate;  // bytes
    Rate sent = unknown_rate;
};
struct ChannelRow {
    Channel now;
    Rate messages = unknown_rate;
    Rate bytes = unknown_rate;
};
struct View {
    Overview overview;
    bool restarted = false;  // between the two
    Rate messages = unknown_rate;
    Rate received = unknown_rate;
    Rate sent = unknown_rate;
    Rate accepted = unknown_rate;
    Rate refused = unknown_rate;
    std::vector<IdentRow> idents;
    std::vector<ChannelRow> channels;
    std::vector<Connection> connections;
};
// `before` may be null: then no rate is known.
[[nodiscard]] View view_of(const Snapshot* before, const Snapshot& now);

enum class Order : std::uint8_t { traffic, messages, connections, queued, refusals, name };
inline constexpr int order_count = 6;
[[nodiscard]] const char* word_of(Order order);
// The `sort=` of /idents that gives the rows which the order needs.
[[nodiscard]] const char* page_sort_of(Order order);
// Idents by `order`; channels by messages, or by name. The largest first.
void sort_rows(View& view, Order order);

// One object, line feed included. Rates that are not known are null.
[[nodiscard]] std::string json_of(const View& view);

}  // namespace hpfeeds::cli::top_view
