// SPDX-License-Identifier: Apache-2.0
#include "broker/process_setup.hpp"

#include "config/limits.hpp"
#include "hpfeeds/error.hpp"
#include "net/limits.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <string>
#include <thread>

namespace hpfeeds::broker {
namespace {

// More than this no kernel grants by default, and "unlimited" must become a number.
constexpr rlim_t descriptors_sensible_max = 1U << 20;

}  // namespace

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = std::min(limit.rlim_max, descriptors_sensible_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    return descriptor_limit();
}

std::size_t descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    return static_cast<std::size_t>(std::min(limit.rlim_cur, descriptors_sensible_max));
}

std::size_t connections_max(std::size_t asked, std::size_t descriptors_max) {
    const std::size_t possible = descriptors_max > 2 * net::reserved_descriptors
                                     ? descriptors_max - net::reserved_descriptors
                                     : descriptors_max / 2;
    if (asked > possible)
        throw Error(
            "--max-connections " + std::to_string(asked) + " is more than the " +
            std::to_string(possible) +
            " that the limit of open files allows; raise the limit (ulimit -n, or LimitNOFILE= of "
            "the systemd unit)");
    return asked ? asked : possible;
}

unsigned shard_count(unsigned asked) {
    if (asked != config::threads_auto) return asked;
    // Of the processors that taskset, a unit or a container leaves us.
    const unsigned processors = std::thread::hardware_concurrency();
    return std::clamp(processors / 2, config::threads.least, config::threads.most);
}

}  // namespace hpfeeds::broker
