// SPDX-License-Identifier: Apache-2.0
// send_queue.hpp: the frames one subscriber has still to receive, in order.
//
// Does no I/O: the engine asks what to write (gather), then says what was taken (consume). A piece
// is a run of whole frames on a slab; only the oldest may be partly sent, and the queue remembers
// where its run began, so that it can always be cut between two frames (client-quirk 21).
//
// Units      sizes are bytes; of each piece it is known how many frames lie in it.
// Threads    owned by one shard; no other thread may touch it.
// Ownership  a queued piece holds one reference to its slab; consuming or dropping its last byte
// gives it back. Memory     pieces lie in nodes of the shard's NodePool: an empty queue owns none,
// and after warm-up nothing is allocated. Errors     nothing throws. Limits are the caller's to
// enforce (core/shard_flow.cpp), by pending_bytes().
#pragma once

#include "bytes/frame_ref.hpp"
#include "bytes/limits.hpp"
#include "bytes/slab_pool.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hpfeeds::bytes {

// Some pieces of one queue, and the next node of that queue.
struct QueueNode {
    static constexpr std::uint32_t pieces_max = 12;
    QueueNode* next = nullptr;
    std::array<Piece, pieces_max> pieces;
    std::array<std::uint32_t, pieces_max> frames;  // in the piece of the same number
};

// The nodes of all queues of a shard. Threads: owned by one shard.
class NodePool {
public:
    NodePool() = default;
    ~NodePool();
    NodePool(const NodePool&) = delete;
    NodePool& operator=(const NodePool&) = delete;

    [[nodiscard]] QueueNode* take() noexcept;
    void give_back(QueueNode* node) noexcept;

    // Frees half of the nodes that nobody has needed since the last call; true while there may be
    // more to free.
    bool trim() noexcept;

private:
    QueueNode* free_ = nullptr;
    std::size_t free_count_ = 0;
    std::size_t idle_count_min_ = 0;  // the fewest that lay here since the last trim
};

class SendQueue {
public:
    struct Content {
        std::size_t frames = 0;
        std::size_t bytes = 0;
    };

    explicit SendQueue(NodePool& nodes) noexcept : nodes_(&nodes) {}
    ~SendQueue() { clear(); }
    SendQueue(const SendQueue&) = delete;
    SendQueue& operator=(const SendQueue&) = delete;

    // Appends a run of so many whole frames by reference. True: the queue holds one reference more,
    // which the caller must add before it gives up its own; false: the run continues the last
    // piece.
    [[nodiscard]] bool push(Piece run, std::uint32_t frames) noexcept;
    // Appends a copy of the run, in memory of the queue's own, which it fills before it takes more.
    void push_copy(Piece run, std::uint32_t frames, SlabPool& pool) noexcept;

    // Fills `pieces` with the oldest bytes; returns how many it used. Valid until any other call.
    [[nodiscard]] std::size_t gather(std::span<std::span<const std::byte>> pieces) const noexcept;
    // The oldest piece, if its pages should be lent to the socket; otherwise null. Valid until any
    // other call.
    [[nodiscard]] const Piece* worth_lending() const noexcept {
        if (!head_) return nullptr;
        const Piece& oldest = head_->pieces[head_index_];
        if (oldest.length < lent_piece_bytes_min || !oldest.slab->lendable) return nullptr;
        return oldest.slab->lent.load(std::memory_order_relaxed) ||
                       oldest.slab->references.load(std::memory_order_relaxed) >=
                           lent_references_min
                   ? &oldest
                   : nullptr;
    }
    // Forgets the oldest `count` bytes. Requires: count <= pending_bytes().
    void consume(std::size_t count) noexcept;

    // Drops whole frames from the front, never one that is partly sent, until at least `bytes` are
    // gone or none is left.
    Content drop_oldest(std::size_t bytes) noexcept;
    // Drops everything but the rest of a frame that is partly sent.
    Content drop_unsent() noexcept { return drop_oldest(pending_bytes_); }
    void clear() noexcept;

    [[nodiscard]] std::size_t pending_bytes() const noexcept { return pending_bytes_; }
    [[nodiscard]] bool empty() const noexcept { return pending_bytes_ == 0; }
    // All that is pending. A frame that is partly sent counts as one, with the bytes that are left
    // of it. Costs a look at each piece, and at the frames of the oldest.
    [[nodiscard]] Content content() const noexcept;

private:
    // A piece that was partly sent may hold frames that were sent wholly: `frames` counts those
    // too, from run_begin_ on.
    struct PartlySent {
        Piece rest;
        std::uint32_t frames = 0;
    };

    [[nodiscard]] Piece& front() noexcept { return head_->pieces[head_index_]; }
    [[nodiscard]] std::uint32_t& front_frames() noexcept { return head_->frames[head_index_]; }
    void append(Piece piece, std::uint32_t frames) noexcept;
    void append_copy(Piece run, std::uint32_t frames) noexcept;
    void prepend(Piece piece, std::uint32_t frames) noexcept;
    void remove_front() noexcept;   // without giving its reference back
    void release_front() noexcept;  // with it
    // Cuts the rest of a partly sent frame off the first piece; empty when nothing is partly sent.
    [[nodiscard]] PartlySent take_partly_sent() noexcept;

    NodePool* nodes_;
    QueueNode* head_ = nullptr;
    QueueNode* tail_ = nullptr;
    Slab* own_ = nullptr;           // where copies go on, while anything is queued
    std::uint32_t head_index_ = 0;  // of the oldest piece in head_
    std::uint32_t tail_count_ = 0;  // one past the newest piece in tail_
    std::uint32_t run_begin_ = 0;   // where the oldest piece began before bytes of it were sent
    std::size_t pending_bytes_ = 0;
};

}  // namespace hpfeeds::bytes
