// SPDX-License-Identifier: Apache-2.0
#include "core/failed_logins.hpp"

#include <algorithm>
#include <bit>

namespace hpfeeds::core {

using std::chrono::milliseconds;

FailedLogins::FailedLogins(std::size_t addresses)
    : sets_(std::bit_ceil(std::max<std::size_t>(addresses / words_of_set, 1))) {}

milliseconds FailedLogins::add(std::uint64_t hash, Instant now, milliseconds pause,
                               milliseconds most) noexcept {
    const auto now_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count());
    const auto pause_ms = static_cast<std::uint64_t>(pause.count());
    const auto most_ms = static_cast<std::uint64_t>(most.count());
    const std::uint64_t name = hash & ~until_mask;
    Set& set = sets_[hash & (sets_.size() - 1)];

    for (auto& word : set.words) {
        std::uint64_t seen = word.load();
        while ((seen & ~until_mask) == name && (seen & until_mask) > now_ms) {
            const std::uint64_t until = std::min((seen & until_mask) + pause_ms, now_ms + most_ms);
            if (word.compare_exchange_weak(seen, name | (until & until_mask)))
                return milliseconds(until - now_ms);
        }
    }
    const std::uint64_t fresh = name | ((now_ms + pause_ms) & until_mask);
    for (const std::uint64_t owed_ms : {std::uint64_t{0}, pause_ms})
        for (auto& word : set.words) {
            std::uint64_t seen = word.load();
            if ((seen & until_mask) <= now_ms + owed_ms &&
                word.compare_exchange_strong(seen, fresh))
                return pause;
        }
    uncounted_.fetch_add(1, std::memory_order_relaxed);
    return pause;
}

}  // namespace hpfeeds::core
