// SPDX-License-Identifier: Apache-2.0
#include "client/backoff.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::client {

Backoff::Backoff(Limits limits, std::function<std::uint32_t()> random)
    : limits_(limits), random_(std::move(random)), bound_(limits.first) {}

Backoff::Backoff(std::function<std::uint32_t()> random) : Backoff(Limits{}, std::move(random)) {}

std::chrono::milliseconds Backoff::next() {
    const auto half = bound_ / 2;
    const auto spread = static_cast<std::uint64_t>((bound_ - half).count()) + 1;
    const auto jitter = static_cast<std::chrono::milliseconds::rep>(random_() % spread);
    bound_ = std::min(bound_ * 2, limits_.longest);
    return half + std::chrono::milliseconds(jitter);
}

}  // namespace hpfeeds::client
