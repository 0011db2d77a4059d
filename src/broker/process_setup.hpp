// SPDX-License-Identifier: Apache-2.0
// process_setup.hpp: what a broker wants of its process and its machine: descriptors, processors.
#pragma once

#include <cstddef>

namespace hpfeeds::broker {

// Raises the soft limit of open files to the hard one; returns what it is then.
std::size_t raise_descriptor_limit();
// The soft limit as it stands.
[[nodiscard]] std::size_t descriptor_limit();

// How many connections there may be: what was asked for, or what the descriptors allow. Throws
// hpfeeds::Error when more were asked for than the descriptors allow.
[[nodiscard]] std::size_t connections_max(std::size_t asked, std::size_t descriptors_max);

// How many shards there will be: what was asked for; or, for config::threads_auto, half as many as
// there are processors that this process may use, and at least one. The other half is for the
// kernel's part of every message, which is the larger one (docs/PERFORMANCE.md).
[[nodiscard]] unsigned shard_count(unsigned asked);

}  // namespace hpfeeds::broker
