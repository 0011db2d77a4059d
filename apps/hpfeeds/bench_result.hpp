// SPDX-License-Identifier: Apache-2.0
// bench_result.hpp: what a bench found, and how it is told.
#pragma once

#include "bench_histogram.hpp"
#include "bench_options.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::cli::bench {

struct Result {
    unsigned connections = 0;
    std::string tls;             // protocol and cipher; empty: plain TCP
    double connect_seconds = 0;  // until all have logged in and every subscriber is heard to listen
    double seconds = 0;          // measured
    double published = 0;        // messages in that time
    double delivered = 0;
    double delivered_bytes = 0;
    std::vector<std::unique_ptr<Histogram>> latencies;  // one for each kind of publisher
    // Of the whole run, warm-up and drain included.
    std::uint64_t deliveries = 0;
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::uint64_t corrupt = 0;
    unsigned stalled_cut = 0;
    double own_cpu = 0;  // of a core, while measured
    double broker_cpu = 0;
    double others_cpu = 0;
    std::size_t broker_resident_bytes = 0;  // the most that was seen
    std::string failure;                    // what ended the run early; empty: nothing

    [[nodiscard]] bool clean() const noexcept {
        return failure.empty() && lost == 0 && duplicated == 0 && reordered == 0 && corrupt == 0;
    }
};

// From this share of a core per thread on the generator may be what is measured.
inline constexpr double generator_busy = 0.95;
// From this much of a core on, other processes have taken too much for the figures to be trusted.
inline constexpr double others_noisy = 0.2;

[[nodiscard]] std::string text_report(const BenchOptions& options, const Result& result);
[[nodiscard]] std::string json_report(const BenchOptions& options, const Result& result);

}  // namespace hpfeeds::cli::bench
