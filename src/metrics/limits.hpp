// SPDX-License-Identifier: Apache-2.0
// limits.hpp: how much the exporter may be asked to hold, and for how long.
#pragma once

#include <chrono>
#include <cstddef>

namespace hpfeeds::metrics {

// A request line and its headers. Prometheus sends some 300 bytes; proxies add a few hundred.
inline constexpr std::size_t request_bytes_max = 8 * 1024;

// Scrapers and probes at a time.
inline constexpr std::size_t http_connections_max = 16;

// One more, and the one is closed that has kept us waiting longest: for its request, or after its
// answer. Whoever reads his answer is left alone, and so is one that stopped reading not longer ago
// than this.
inline constexpr std::chrono::milliseconds http_reader_patience{1'000};

// More than those wait in the kernel. Beyond this many it drops them, and they try again a second
// later.
inline constexpr int http_backlog = 128;

// For a request to arrive, and again for the answer to leave. As long as Prometheus waits by
// default.
inline constexpr std::chrono::milliseconds http_stage_deadline{10'000};

// For the other side to close after the answer: closing first, with bytes unread, would reset the
// connection and could take the answer with it.
inline constexpr std::chrono::milliseconds http_close_deadline{2'000};

// Without a free descriptor accept() fails at once, again and again; it is left alone for so long.
inline constexpr std::chrono::milliseconds http_accept_pause{100};

static_assert(http_close_deadline < http_stage_deadline, "a finished client must not hold a place");

}  // namespace hpfeeds::metrics
