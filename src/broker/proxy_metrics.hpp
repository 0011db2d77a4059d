// SPDX-License-Identifier: Apache-2.0
// proxy_metrics.hpp: what the door has to tell a scrape of balancers and their PROXY headers.
//
// Threads  the exporter's: it only reads counters, which any thread may.
#pragma once

#include "metrics/families.hpp"
#include "net/door.hpp"

#include <vector>

namespace hpfeeds::broker {

void report_proxies(const net::DoorCounters& counters, std::vector<metrics::Family>& out);

}  // namespace hpfeeds::broker
