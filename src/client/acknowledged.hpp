// SPDX-License-Identifier: Apache-2.0
// acknowledged.hpp: how far the broker's system has what the outbox gave.
//
// The system tells how many bytes of a connection are unacknowledged; those are TCP's bytes, which
// with TLS are not the outbox's. So every write leaves a mark that ties the two together.
//
// Units      bytes since the connection was opened.
// Threads    one owner.
// Errors     none. Marks are bounded: when there are marks_max, the last one moves, and its bytes
//            count as acknowledged a little later than they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace hpfeeds::client {

class Acknowledged {
public:
    static constexpr std::size_t marks_max = 1024;

    // A new connection.
    void reset() noexcept {
        marks_.clear();
        position_ = 0;
    }
    // The outbox is at `position` when TCP has been given `written` bytes in all.
    void wrote(std::uint64_t written, std::uint64_t position) {
        if (marks_.size() == marks_max)
            marks_.back() = {written, position};
        else
            marks_.push_back({written, position});
    }
    // TCP's first `count` bytes have arrived. Returns how far the outbox's have.
    std::uint64_t arrived(std::uint64_t count) noexcept {
        while (!marks_.empty() && marks_.front().written <= count) {
            position_ = marks_.front().position;
            marks_.pop_front();
        }
        return position_;
    }
    [[nodiscard]] bool all() const noexcept { return marks_.empty(); }

private:
    struct Mark {
        std::uint64_t written;
        std::uint64_t position;
    };
    std::deque<Mark> marks_;
    std::uint64_t position_ = 0;
};

}  // namespace hpfeeds::client
