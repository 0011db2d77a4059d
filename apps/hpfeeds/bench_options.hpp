// SPDX-License-Identifier: Apache-2.0
// bench_options.hpp: the load that the user asked for, as plain values.
#pragma once

#include "options.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hpfeeds::cli {

struct BenchOptions {
    ClientOptions client;
    unsigned publishers = 1;
    unsigned subscribers = 1;
    unsigned idle = 0;     // connections that log in and are quiet from then on
    unsigned stalled = 0;  // subscribers that never read
    // The publisher numbered i takes the size and the rate numbered i, from the front again when
    // there are fewer.
    std::vector<std::size_t> sizes{100};  // bytes of a payload
    std::vector<double> rates{0};         // messages per second of one publisher; 0: no pause
    std::chrono::milliseconds pause{0};   // of a subscriber between two reads
    std::chrono::milliseconds warmup{1'000};
    std::chrono::milliseconds duration{5'000};
    std::uint64_t count = 0;   // messages of each publisher; 0: until the duration is over
    unsigned connecting = 64;  // connections that are set up at the same time, per thread
    unsigned threads = 1;
    pid_t broker_pid = 0;  // whose CPU time and memory are told; 0: nobody's
    bool json = false;
};

// Bounds of what a user may ask for.
inline constexpr unsigned bench_connections_max = 1'000'000;
inline constexpr unsigned bench_threads_max = 64;

}  // namespace hpfeeds::cli
