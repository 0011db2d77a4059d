// SPDX-License-Identifier: Apache-2.0
// bench_meter.hpp: CPU time and memory of the broker, of ourselves, and of everybody together:
// whether a figure is the broker's, and whether it can be trusted.
//
// Units  seconds of CPU, bytes.    Errors  a process that cannot be looked at reads as zero.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace hpfeeds::cli::bench {

struct Reading {
    double own_cpu = 0;
    double broker_cpu = 0;
    double machine_cpu = 0;  // all processes of this machine
    std::size_t broker_resident_bytes = 0;
};

// `broker` 0: nobody.
[[nodiscard]] Reading read_meter(pid_t broker);
// Whether there is such a process whose CPU time can be read.
[[nodiscard]] bool can_be_metered(pid_t broker);

}  // namespace hpfeeds::cli::bench
