// SPDX-License-Identifier: Apache-2.0
#include "bench_ledger.hpp"

#include <iterator>

namespace hpfeeds::cli::bench {

Ledger::Verdict Ledger::receive_out_of_order(std::uint64_t sequence) {
    if (sequence > next_) {
        holes_.emplace(next_, sequence);
        if (holes_.size() > holes_max) holes_.erase(holes_.begin());
        next_ = sequence + 1;
        ++received_;
        return Verdict::in_order;  // it came in order; what is between may be lost
    }
    auto hole = holes_.upper_bound(sequence);
    if (hole == holes_.begin()) return Verdict::duplicated;
    --hole;
    const auto [first, end] = *hole;
    if (sequence >= end) return Verdict::duplicated;
    holes_.erase(hole);
    if (first < sequence) holes_.emplace(first, sequence);
    if (sequence + 1 < end) holes_.emplace(sequence + 1, end);
    ++received_;
    return Verdict::reordered;
}

}  // namespace hpfeeds::cli::bench
