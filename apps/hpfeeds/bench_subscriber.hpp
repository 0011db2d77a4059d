// SPDX-License-Identifier: Apache-2.0
// bench_subscriber.hpp: what a connection hears: messages, which it checks one by one, and a
// broker's refusals.
//
// Does no I/O.    Threads  owned by one worker; lost() may be asked when that is done.
#pragma once

#include "bench_board.hpp"
#include "bench_histogram.hpp"
#include "bench_ledger.hpp"
#include "bench_plan.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::cli::bench {

// Where a worker's subscribers note what they heard.
struct Notes {
    Tallies tallies;
    std::vector<std::unique_ptr<Histogram>> latencies;  // one for each kind
};

class Subscriber {
public:
    // The most bytes of a frame that must be there before it is understood.
    static constexpr std::size_t head_bytes_max = 4096;

    Subscriber(const Plan& plan, Board& board) : plan_(plan), board_(board) {}

    // Expects messages of all publishers.
    void listen() { ledgers_.resize(plan_.options.publishers); }

    // What came; `replies` gets what the broker wants to be answered. False: it is not the dialect.
    // What cannot be understood yet is put at the end of `rest`.
    [[nodiscard]] bool hear(std::string_view unread, std::uint64_t now, Notes& notes,
                            std::string& replies, std::string& rest);

    [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
    // `sent` by each publisher.
    [[nodiscard]] std::uint64_t lost(std::span<const std::uint64_t> sent) const noexcept;

private:
    struct Seen {
        Ledger ledger;
        bool probe = false;
    };
    void check(std::string_view unread, const Dialect::Heard& heard, std::uint64_t now,
               Notes& notes);

    const Plan& plan_;
    Board& board_;
    std::vector<Seen> ledgers_;
    std::size_t skip_bytes_ = 0;  // the rest of a message of which all that matters was seen
    std::string refusal_;
};

}  // namespace hpfeeds::cli::bench
