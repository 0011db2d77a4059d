// SPDX-License-Identifier: Apache-2.0
// bench.hpp: `hpfeeds bench`: how much a broker carries, how fast, and whether anything is lost.
#pragma once

#include "bench_dialect.hpp"
#include "bench_options.hpp"
#include "console.hpp"

#include <memory>

namespace hpfeeds::cli {

// Puts the load on the broker and reports. Returns the exit status: failed when anything was lost,
// came twice or out of order, and when a connection ended that should not have.
// Throws hpfeeds::Error when the load cannot be made.
[[nodiscard]] int run_bench(const BenchOptions& options, std::unique_ptr<bench::Dialect> dialect,
                            const Console& console);

}  // namespace hpfeeds::cli
