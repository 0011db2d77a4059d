// SPDX-License-Identifier: Apache-2.0
#include "bytes/send_queue.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace hpfeeds::bytes {
namespace {

// The length that a frame says it has: the big-endian u32 it begins with. Queued frames were
// checked when they came.
std::uint32_t frame_bytes_at(const std::byte* frame) noexcept {
    return static_cast<std::uint32_t>(frame[0]) << 24 | static_cast<std::uint32_t>(frame[1]) << 16 |
           static_cast<std::uint32_t>(frame[2]) << 8 | static_cast<std::uint32_t>(frame[3]);
}

// The first frame boundary at or behind `offset` in a run that begins at `begin`.
std::uint32_t boundary_at(const Slab& slab, std::uint32_t begin, std::uint32_t offset) noexcept {
    while (begin < offset)
        begin += frame_bytes_at(slab.data() + begin);
    return begin;
}

}  // namespace

NodePool::~NodePool() {
    while (free_)
        delete std::exchange(free_, free_->next);
}

QueueNode* NodePool::take() noexcept {
    if (!free_) return new QueueNode;
    --free_count_;
    QueueNode* node = std::exchange(free_, free_->next);
    node->next = nullptr;
    return node;
}

void NodePool::give_back(QueueNode* node) noexcept {
    if (free_count_ >= kept_nodes_max) {
        delete node;
        return;
    }
    // The count is least just before it rises: looking here spares every take a look.
    if (free_count_ < idle_count_min_) idle_count_min_ = free_count_;
    node->next = free_;
    free_ = node;
    ++free_count_;
}

bool NodePool::trim() noexcept {
    idle_count_min_ = std::min(idle_count_min_, free_count_);
    for (std::size_t surplus = (idle_count_min_ + 1) / 2; surplus; --surplus, --free_count_)
        delete std::exchange(free_, free_->next);
    idle_count_min_ = free_count_;
    return free_count_ > 0;
}

void SendQueue::append(Piece piece) noexcept {
    if (!head_) {
        head_ = tail_ = nodes_->take();
        head_index_ = tail_count_ = 0;
        run_begin_ = piece.offset;
    } else if (tail_count_ == QueueNode::pieces_max) {
        tail_ = tail_->next = nodes_->take();
        tail_count_ = 0;
    }
    tail_->pieces[tail_count_++] = piece;
    pending_bytes_ += piece.length;
}

void SendQueue::prepend(Piece piece) noexcept {
    if (!head_) return append(piece);
    if (head_index_ == 0) {
        QueueNode* node = nodes_->take();
        node->next = head_;
        head_ = node;
        head_index_ = QueueNode::pieces_max;
    }
    head_->pieces[--head_index_] = piece;
    pending_bytes_ += piece.length;
}

void SendQueue::remove_front() noexcept {
    pending_bytes_ -= front().length;
    ++head_index_;
    if (head_ == tail_ && head_index_ == tail_count_) {
        nodes_->give_back(head_);
        head_ = tail_ = nullptr;
        return;
    }
    if (head_index_ == QueueNode::pieces_max) {
        nodes_->give_back(std::exchange(head_, head_->next));
        head_index_ = 0;
    }
    run_begin_ = front().offset;
}

bool SendQueue::push(Piece run) noexcept {
    if (tail_) {
        Piece& last = tail_->pieces[tail_count_ - 1];
        if (last.slab == run.slab && last.end() == run.offset) {
            last.length += run.length;
            pending_bytes_ += run.length;
            return false;
        }
    }
    append(run);
    return true;
}

void SendQueue::push_copy(Piece run, SlabPool& pool) noexcept {
    // The last copy's slab takes this one too, if it has room right behind that copy.
    Piece* last = tail_ ? &tail_->pieces[tail_count_ - 1] : nullptr;
    const bool fits = last && last->slab->appendable && last->slab->room() >= run.length &&
                      last->end() == last->slab->used;
    Slab* own = fits ? last->slab : nullptr;
    if (!fits) {
        // A reader with little queued gets little memory, one with much gets whole slabs.
        const bool little = pending_bytes_ < slab_bytes && run.length <= small_slab_bytes / 4;
        own = pool.take(little ? small_slab_bytes / 2
                               : std::max<std::size_t>(slab_bytes / 2, run.length));
        own->appendable = true;
    }
    std::memcpy(own->data() + own->used, run.slab->data() + run.offset, run.length);
    if (fits) {
        last->length += run.length;
        pending_bytes_ += run.length;
    } else {
        append({own, own->used, run.length});
    }
    own->used += run.length;
}

std::size_t SendQueue::gather(std::span<std::span<const std::byte>> pieces) const noexcept {
    std::size_t used = 0;
    std::uint32_t index = head_index_;
    for (const QueueNode* node = head_; node && used < pieces.size();
         node = node->next, index = 0) {
        const std::uint32_t end = node == tail_ ? tail_count_ : QueueNode::pieces_max;
        for (; index < end && used < pieces.size(); ++index)
            pieces[used++] = node->pieces[index].bytes();
    }
    return used;
}

void SendQueue::consume(std::size_t count) noexcept {
    assert(count <= pending_bytes_);
    while (count > 0) {
        Piece& piece = front();
        if (count < piece.length) {
            piece.offset += static_cast<std::uint32_t>(count);
            piece.length -= static_cast<std::uint32_t>(count);
            pending_bytes_ -= count;
            return;
        }
        count -= piece.length;
        Slab* slab = piece.slab;
        remove_front();
        slab->release();
    }
}

Piece SendQueue::take_partly_sent() noexcept {
    Piece& piece = front();
    const std::uint32_t boundary = boundary_at(*piece.slab, run_begin_, piece.offset);
    const std::uint32_t rest = boundary - piece.offset;
    if (rest == 0) return {};
    const Piece partly{piece.slab, piece.offset, rest};
    pending_bytes_ -= rest;
    piece.offset += rest;
    piece.length -= rest;
    run_begin_ = piece.offset;
    if (piece.length == 0)
        remove_front();  // its reference is the partly sent frame's now
    else
        partly.slab->add_references(1);
    return partly;
}

SendQueue::Dropped SendQueue::drop_oldest(std::size_t bytes) noexcept {
    Dropped dropped;
    if (empty()) return dropped;
    // The frame that is under way is set aside with where its run began, and put back in front.
    const std::uint32_t run_begin = run_begin_;
    const Piece partly = take_partly_sent();
    while (dropped.bytes < bytes && !empty()) {
        Piece& piece = front();
        const std::uint32_t frame = frame_bytes_at(piece.slab->data() + piece.offset);
        ++dropped.frames;
        dropped.bytes += frame;
        if (frame < piece.length) {
            piece.offset += frame;
            piece.length -= frame;
            run_begin_ = piece.offset;
            pending_bytes_ -= frame;
        } else {
            Slab* slab = piece.slab;
            remove_front();
            slab->release();
        }
    }
    if (partly.slab) {
        prepend(partly);
        run_begin_ = run_begin;
    }
    return dropped;
}

void SendQueue::clear() noexcept {
    while (head_) {
        Slab* slab = front().slab;
        remove_front();
        slab->release();
    }
}

}  // namespace hpfeeds::bytes
