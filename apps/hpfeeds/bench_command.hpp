// SPDX-License-Identifier: Apache-2.0
// bench_command.hpp: the words of `hpfeeds bench`.
#pragma once

#include "bench_options.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace hpfeeds::cli {

// As the words said it.
struct BenchWords {
    BenchOptions options;
    unsigned channels = 1;
    std::vector<std::string> sizes;
    std::vector<std::string> rates;
    double duration_seconds = 5;
    double warmup_seconds = 1;
    unsigned pause_milliseconds = 0;
};

extern const char* const bench_examples;

void add_bench_options(CLI::App& app, BenchWords& words);

// The options that the words mean; `client` has who, where and which channel. Throws
// hpfeeds::Error for what does not fit together.
[[nodiscard]] BenchOptions bench_options(const BenchWords& words, const ClientOptions& client);

}  // namespace hpfeeds::cli
