// SPDX-License-Identifier: Apache-2.0
// bench_plan.hpp: what all workers of a bench need to know and none changes.
//
// Threads  constant once built.    Errors  the constructor throws hpfeeds::Error.
#pragma once

#include "bench_dialect.hpp"
#include "bench_options.hpp"
#include "client/tls_context.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::cli::bench {

// Publishers of one size and one rate.
struct Kind {
    std::size_t payload_bytes = 0;
    double interval_ns = 0;          // between two messages of one publisher; 0: no pause
    std::vector<std::string> heads;  // of a PUBLISH, one for each channel
};

struct Plan {
    Plan(const BenchOptions& options, std::unique_ptr<Dialect> speech);

    [[nodiscard]] unsigned kind_of(unsigned publisher) const noexcept {
        return publisher % static_cast<unsigned>(kinds.size());
    }
    [[nodiscard]] unsigned connections() const noexcept {
        return options.publishers + options.subscribers + options.idle + options.stalled;
    }

    BenchOptions options;
    std::unique_ptr<Dialect> dialect;
    std::shared_ptr<const client::TlsContext> tls;  // null: plain TCP
    std::uint32_t run = 0;  // tells our messages from those of another bench
    std::vector<Kind> kinds;
    std::string tail;            // of every PUBLISH
    std::string filler;          // what payloads hold behind the stamp
    std::string subscriptions;   // what a subscriber says, for all channels
    sockaddr_storage address{};  // the broker's
    socklen_t address_bytes = 0;
};

}  // namespace hpfeeds::cli::bench
