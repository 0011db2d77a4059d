// SPDX-License-Identifier: Apache-2.0
// bench_publisher.hpp: the messages of one publisher as bytes to be sent, in batches.
//
// With a rate the load is open: a message bears the time at which it was due, and is sent then or,
// if the broker holds us up, later; so a stall of the broker shows in the latency of all that
// waited. Without one it is as fast as TCP lets it through.
//
// Does no I/O.    Threads  owned by one worker; sequence() may be read when that is done.
#pragma once

#include "bench_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hpfeeds::cli::bench {

class Publisher {
public:
    static constexpr std::size_t batch_bytes = 64 * 1024;

    Publisher(const Plan& plan, unsigned number);

    void start(std::uint64_t begin_ns);
    // What is to be sent now; a new batch is made when the last one is sent. Valid until the next
    // call.
    [[nodiscard]] std::string_view pending(std::uint64_t now);
    // The socket took so many bytes; returns how many messages that completed.
    std::uint64_t sent(std::size_t bytes) noexcept;
    // Ends behind the message that is partly sent.
    void stop() noexcept;

    [[nodiscard]] std::string probe(std::uint64_t now) const;

    [[nodiscard]] unsigned number() const noexcept { return number_; }
    [[nodiscard]] bool paced() const noexcept { return interval_ns_ > 0; }
    [[nodiscard]] std::uint64_t due_ns() const noexcept {
        return static_cast<std::uint64_t>(due_ns_);
    }
    [[nodiscard]] bool empty() const noexcept { return sent_bytes_ == end_bytes_; }
    // Nothing is left to be sent, nor will be.
    [[nodiscard]] bool ended() const noexcept { return empty() && sequence_ >= last_sequence_; }
    // Messages made; once ended(), messages sent.
    [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

private:
    static constexpr std::size_t nowhere = ~std::size_t{0};
    struct Slot {  // a frame that lies in the batch, and only needs a new stamp
        std::size_t offset = nowhere;
        std::size_t end = 0;
        std::size_t channel = 0;
    };
    void fill(std::uint64_t now);
    void write_frame(std::size_t slot);

    const Plan& plan_;
    const Kind& kind_;
    unsigned number_;
    double interval_ns_;
    double due_ns_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint64_t last_sequence_;  // where it ends
    std::vector<char> batch_;
    std::vector<Slot> slots_;
    std::size_t slot_count_ = 0;  // of this batch
    std::size_t slot_sent_ = 0;   // the first that is not wholly sent
    std::size_t sent_bytes_ = 0;
    std::size_t end_bytes_ = 0;
};

}  // namespace hpfeeds::cli::bench
