// SPDX-License-Identifier: Apache-2.0
// bench_board.hpp: what the workers of a bench and the one who directs them tell each other.
//
// Threads  all of it may be used by any thread; a Tally has one writer, its worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::cli::bench {

enum class Phase : std::uint8_t {
    connect,  // connections are made and log in
    probe,    // publishers repeat a message until every subscriber has seen it
    run,
    drain,  // publishers end; what is under way arrives
    done,
};

struct Board {
    explicit Board(unsigned publishers) : probes_seen(publishers) {}

    std::atomic<Phase> phase{Phase::connect};
    std::atomic<unsigned> ready{0};                  // connections that have logged in
    std::atomic<unsigned> ended_publishers{0};       // that have sent all they were told to
    std::atomic<unsigned> cut_stalled{0};            // connections that the broker closed, and may
    std::vector<std::atomic<unsigned>> probes_seen;  // by so many subscribers, per publisher
    // Messages that were due in this time count for the latency.
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    std::atomic<std::uint64_t> window_begin_ns{never};
    std::atomic<std::uint64_t> window_end_ns{never};

    // The first failure is the one that is told.
    void fail(std::string why) {
        const std::lock_guard lock(mutex_);
        if (failed_.load(std::memory_order_relaxed)) return;
        failure_ = std::move(why);
        failed_.store(true, std::memory_order_release);
    }
    // How connections are encrypted: the first tells, since all agree on the same.
    void note_tls(std::string description) {
        const std::lock_guard lock(mutex_);
        if (tls_.empty()) tls_ = std::move(description);
    }
    [[nodiscard]] std::string tls() {
        const std::lock_guard lock(mutex_);
        return tls_;
    }
    [[nodiscard]] bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }  // once failed()

private:
    std::mutex mutex_;
    std::string failure_;
    std::string tls_;
    std::atomic<bool> failed_{false};
};

// A number with one writer.
class Tally {
public:
    void add(std::uint64_t more) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct Tallies {
    Tally published;
    Tally delivered;
    Tally delivered_bytes;  // whole frames
    Tally duplicated;
    Tally reordered;
    Tally corrupt;  // not what was sent: another length, publisher or channel's shape
};

}  // namespace hpfeeds::cli::bench
