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

// The first frame boundary at or behind an offset, and how many frames end there or before.
struct Boundary {
    std::uint32_t at;
    std::uint32_t frames = 0;
};

// Of a run that begins at `begin`.
Boundary boundary_at(const Slab& slab, std::uint32_t begin, std::uint32_t offset) noexcept {
    Boundary boundary{begin};
    for (; boundary.at < offset; ++boundary.frames)
        boundary.at += frame_bytes_at(slab.data() + boundary.at);
    return boundary;
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

void SendQueue::append(Piece piece, std::uint32_t frames) noexcept {
    if (!head_) {
        head_ = tail_ = nodes_->take();
        head_index_ = tail_count_ = 0;
        run_begin_ = piece.offset;
    } else if (tail_count_ == QueueNode::pieces_max) {
        tail_ = tail_->next = nodes_->take();
        tail_count_ = 0;
    }
    tail_->frames[tail_count_] = frames;
    tail_->pieces[tail_count_++] = piece;
    pending_bytes_ += piece.length;
}

void SendQueue::prepend(Piece piece, std::uint32_t frames) noexcept {
    if (!head_) return append(piece, frames);
    if (head_index_ == 0) {
        QueueNode* node = nodes_->take();
        node->next = head_;
        head_ = node;
        head_index_ = QueueNode::pieces_max;
    }
    head_->pieces[--head_index_] = piece;
    head_->frames[head_index_] = frames;
    pending_bytes_ += piece.length;
}

void SendQueue::remove_front() noexcept {
    pending_bytes_ -= front().length;
    ++head_index_;
    if (head_ == tail_ && head_index_ == tail_count_) {
        nodes_->give_back(head_);
        head_ = tail_ = nullptr;
        if (own_) std::exchange(own_, nullptr)->release();
        return;
    }
    if (head_index_ == QueueNode::pieces_max) {
        nodes_->give_back(std::exchange(head_, head_->next));
        head_index_ = 0;
    }
    run_begin_ = front().offset;
}

void SendQueue::release_front() noexcept {
    Slab* slab = front().slab;
    remove_front();
    slab->release();
}

bool SendQueue::push(Piece run, std::uint32_t frames) noexcept {
    if (QueueNode* const tail = tail_) {
        const std::size_t newest = tail_count_ - 1;
        Piece& last = tail->pieces[newest];
        if (last.slab == run.slab && last.end() == run.offset) {
            last.length += run.length;
            tail->frames[newest] += frames;
            pending_bytes_ += run.length;
            return false;
        }
    }
    append(run, frames);
    return true;
}

void SendQueue::append_copy(Piece run, std::uint32_t frames) noexcept {
    std::memcpy(own_->data() + own_->used, run.slab->data() + run.offset, run.length);
    const Piece copy{own_, own_->used, run.length};
    own_->used += run.length;
    own_->add_references(1);
    if (!push(copy, frames)) own_->release();
}

void SendQueue::push_copy(Piece run, std::uint32_t frames, SlabPool& pool) noexcept {
    if (own_ && own_->room() < run.length) {
        // What does not fit whole is cut between two frames.
        std::uint32_t fitting = 0;
        std::uint32_t count = 0;
        for (std::uint32_t next = frame_bytes_at(run.slab->data() + run.offset);
             fitting + next <= own_->room();
             next = frame_bytes_at(run.slab->data() + run.offset + fitting)) {
            fitting += next;
            ++count;
        }
        if (count > 0) append_copy({run.slab, run.offset, fitting}, count);
        run.offset += fitting;
        run.length -= fitting;
        frames -= count;
        std::exchange(own_, nullptr)->release();
    }
    if (!own_) {
        // A reader with little queued gets little memory, one with much gets whole slabs.
        const bool little = pending_bytes_ < slab_bytes && run.length <= small_slab_bytes / 4;
        own_ = pool.take(little ? small_slab_bytes / 2
                                : std::max<std::size_t>(slab_bytes / 2, run.length));
    }
    append_copy(run, frames);
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
        release_front();
    }
}

SendQueue::PartlySent SendQueue::take_partly_sent() noexcept {
    Piece& piece = front();
    const Boundary boundary = boundary_at(*piece.slab, run_begin_, piece.offset);
    const std::uint32_t rest = boundary.at - piece.offset;
    front_frames() -= boundary.frames;
    run_begin_ = boundary.at;
    if (rest == 0) return {};
    const PartlySent partly{{piece.slab, piece.offset, rest}, boundary.frames};
    pending_bytes_ -= rest;
    piece.offset += rest;
    piece.length -= rest;
    if (piece.length == 0)
        remove_front();  // its reference is the partly sent frame's now
    else
        partly.rest.slab->add_references(1);
    return partly;
}

SendQueue::Content SendQueue::drop_oldest(std::size_t bytes) noexcept {
    Content dropped;
    if (empty()) return dropped;
    // The frame that is under way is set aside with where its run began, and put back in front.
    const std::uint32_t run_begin = run_begin_;
    const PartlySent partly = take_partly_sent();
    while (dropped.bytes < bytes && !empty()) {
        Piece& piece = front();
        const std::uint32_t frame = frame_bytes_at(piece.slab->data() + piece.offset);
        ++dropped.frames;
        dropped.bytes += frame;
        if (frame < piece.length) {
            piece.offset += frame;
            piece.length -= frame;
            --front_frames();
            run_begin_ = piece.offset;
            pending_bytes_ -= frame;
        } else {
            release_front();
        }
    }
    if (partly.rest.slab) {
        prepend(partly.rest, partly.frames);
        run_begin_ = run_begin;
    }
    return dropped;
}

SendQueue::Content SendQueue::content() const noexcept {
    Content content;
    if (empty()) return content;
    content.bytes = pending_bytes_;
    std::uint32_t index = head_index_;
    for (const QueueNode* node = head_; node; node = node->next, index = 0)
        for (const std::uint32_t end = node == tail_ ? tail_count_ : QueueNode::pieces_max;
             index < end; ++index)
            content.frames += node->frames[index];
    const Piece& oldest = head_->pieces[head_index_];
    const Boundary boundary = boundary_at(*oldest.slab, run_begin_, oldest.offset);
    content.frames -= boundary.frames;
    if (boundary.at > oldest.offset) ++content.frames;
    return content;
}

void SendQueue::clear() noexcept {
    while (head_)
        release_front();
}

}  // namespace hpfeeds::bytes
