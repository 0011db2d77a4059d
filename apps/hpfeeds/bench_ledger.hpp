// SPDX-License-Identifier: Apache-2.0
// bench_ledger.hpp: what one subscriber has had of one publisher, so that every loss, double and
// change of order is counted and not estimated.
//
// Threads  owned by one worker; read by others when that is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace hpfeeds::cli::bench {

class Ledger {
public:
    // Holes that are remembered, to tell what comes late from what comes twice.
    static constexpr std::size_t holes_max = 1024;

    enum class Verdict : std::uint8_t { in_order, reordered, duplicated };

    // Sequence numbers begin at 1.
    Verdict receive(std::uint64_t sequence) {
        if (sequence != next_) [[unlikely]]
            return receive_out_of_order(sequence);
        ++next_;
        ++received_;
        return Verdict::in_order;
    }
    // How many of the first `sent` have not come.
    [[nodiscard]] std::uint64_t lost(std::uint64_t sent) const noexcept {
        return sent > received_ ? sent - received_ : 0;
    }

private:
    Verdict receive_out_of_order(std::uint64_t sequence);

    std::uint64_t next_ = 1;
    std::uint64_t received_ = 0;                    // without duplicates
    std::map<std::uint64_t, std::uint64_t> holes_;  // first missing, one past the last missing
};

}  // namespace hpfeeds::cli::bench
