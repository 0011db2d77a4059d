// SPDX-License-Identifier: Apache-2.0
#include "core/counted_names.hpp"

#include <bit>
#include <new>

namespace hpfeeds::core {

NameSet::NameSet(std::size_t names_max)
    : names_max_(names_max),
      mask_(std::bit_ceil(2 * names_max) - 1),
      words_(static_cast<std::uint64_t*>(std::calloc(mask_ + 1, sizeof(std::uint64_t)))) {
    if (!words_) throw std::bad_alloc();
}

// At least half of the words stay 0, so that the search ends.
bool NameSet::admit(std::uint64_t hash) noexcept {
    if (hash == 0) hash = 1;
    bool counted = false;
    for (std::size_t place = hash & mask_;; place = (place + 1) & mask_) {
        const std::atomic_ref word(words_[place]);
        std::uint64_t seen = word.load(std::memory_order_relaxed);
        if (seen == 0 && !counted) {
            if (size_.fetch_add(1, std::memory_order_relaxed) >= names_max_) {
                size_.fetch_sub(1, std::memory_order_relaxed);
                return false;
            }
            counted = true;
        }
        if (seen == 0 && word.compare_exchange_strong(seen, hash, std::memory_order_relaxed))
            return true;
        if (seen != hash) continue;
        if (counted) size_.fetch_sub(1, std::memory_order_relaxed);  // another thread was first
        return true;
    }
}

}  // namespace hpfeeds::core
