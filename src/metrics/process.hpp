// SPDX-License-Identifier: Apache-2.0
// process.hpp: the process_* families that Prometheus client libraries give, from Linux' /proc.
//
// Threads  any; reads files, so never an I/O thread.
// Errors   what cannot be read is left out.
#pragma once

#include "metrics/families.hpp"

#include <filesystem>
#include <vector>

namespace hpfeeds::metrics {

// process_virtual_memory_bytes, process_resident_memory_bytes, process_start_time_seconds,
// process_cpu_seconds_total, process_open_fds, process_max_fds. Tests give a `proc` of their own.
[[nodiscard]] std::vector<Family> process_families(const std::filesystem::path& proc = "/proc");

}  // namespace hpfeeds::metrics
