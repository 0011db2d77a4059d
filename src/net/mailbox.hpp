// SPDX-License-Identifier: Apache-2.0
// mailbox.hpp: messages to one shard from everybody else, in a bounded ring without locks.
//
//   a cell's sequence says whose turn it is:  == position: free for the sender   == position + 1:
//   full for the owner
//
// A sender takes a position with one compare-and-swap, fills its cell, and publishes it; messages
// of one sender stay in order. The owner sleeps in its poller; the first message after it went to
// sleep wakes it, the others do not.
//
// Threads  any thread may post; one thread, the owner, takes.
// Limits   `capacity` messages; a full mailbox is told to the sender, who keeps the message.
#pragma once

#include "hpfeeds/error.hpp"
#include "net/descriptor.hpp"

#include <sys/eventfd.h>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace hpfeeds::net {

// Wakes a thread that sleeps in a poller.
class Waker {
public:
    Waker() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (!event_.open()) throw Error(std::string("eventfd failed: ") + std::strerror(errno));
    }
    [[nodiscard]] int fd() const noexcept { return event_.get(); }

    // Any thread. Costs a system call only when the owner sleeps, or is about to.
    void wake() noexcept {
        if (awake_.exchange(true, std::memory_order_seq_cst)) return;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
    }
    // Owner: from here on wake() writes; look at the mailbox once more before sleeping.
    void going_to_sleep() noexcept { awake_.store(false, std::memory_order_seq_cst); }
    // Owner: after the poller returned; `called` when the descriptor was readable.
    void woken(bool called) noexcept {
        awake_.store(true, std::memory_order_seq_cst);
        if (!called) return;
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
    }

private:
    Descriptor event_;
    std::atomic<bool> awake_{true};
};

template <typename Message>
class Mailbox {
public:
    // Requires: capacity is a power of two.
    explicit Mailbox(std::size_t capacity) : cells_(new Cell[capacity]), mask_(capacity - 1) {
        for (std::size_t i = 0; i < capacity; ++i)
            cells_[i].sequence.store(i, std::memory_order_relaxed);
    }

    // False when full; the message then stays the caller's.
    [[nodiscard]] bool post(Message& message) noexcept {
        std::size_t position = tail_.load(std::memory_order_relaxed);
        for (;;) {
            Cell& cell = cells_[position & mask_];
            const std::size_t sequence = cell.sequence.load(std::memory_order_acquire);
            if (sequence == position) {
                if (tail_.compare_exchange_weak(position, position + 1,
                                                std::memory_order_relaxed)) {
                    cell.message = std::move(message);
                    cell.sequence.store(position + 1, std::memory_order_seq_cst);
                    return true;
                }
            } else if (sequence < position) {
                return false;
            } else {
                position = tail_.load(std::memory_order_relaxed);
            }
        }
    }

    [[nodiscard]] bool take(Message& message) noexcept {
        Cell& cell = cells_[head_ & mask_];
        if (cell.sequence.load(std::memory_order_seq_cst) != head_ + 1) return false;
        message = std::move(cell.message);
        cell.message = Message{};
        cell.sequence.store(head_ + mask_ + 1, std::memory_order_release);
        ++head_;
        return true;
    }

    // Owner: whether there is nothing to take.
    [[nodiscard]] bool empty() const noexcept {
        return cells_[head_ & mask_].sequence.load(std::memory_order_seq_cst) != head_ + 1;
    }

private:
    struct Cell {
        std::atomic<std::size_t> sequence;
        Message message;
    };
    std::unique_ptr<Cell[]> cells_;
    std::size_t mask_;
    alignas(64) std::atomic<std::size_t> tail_{0};
    alignas(64) std::size_t head_ = 0;
};

}  // namespace hpfeeds::net
