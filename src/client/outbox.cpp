// SPDX-License-Identifier: Apache-2.0
#include "client/outbox.hpp"

#include "client/limits.hpp"
#include "wire/parser.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hpfeeds::client {

std::size_t Outbox::Chunk::cost() const noexcept {
    return used - begin_of(first) + (frames() - first) * outbox_frame_overhead_bytes;
}

Clock::time_point Outbox::Chunk::time_of(std::size_t frame) const noexcept {
    const auto later = std::partition_point(stamps.begin(), stamps.end(), [&](const Stamp& stamp) {
        return stamp.first_frame <= frame;
    });
    return std::prev(later)->at;
}

std::size_t Outbox::Chunk::first_behind(std::size_t position, std::size_t begin,
                                        std::size_t end) const noexcept {
    const auto found =
        std::partition_point(ends.begin() + static_cast<std::ptrdiff_t>(begin),
                             ends.begin() + static_cast<std::ptrdiff_t>(end),
                             [&](std::uint32_t frame_end) { return frame_end <= position; });
    return static_cast<std::size_t>(found - ends.begin());
}

void Outbox::Chunk::stamp(Clock::time_point now) {
    if (!stamps.empty() && stamped_at == now) return;
    stamps.push_back({static_cast<std::uint32_t>(frames()), now});
    stamped_at = now;
}

void Outbox::Chunk::tag(std::uint64_t name) {
    if (name == 0 && !tagged) return;
    tags.resize(frames(), 0);
    tags.push_back(name);
    tagged = true;
}

Outbox::Outbox(std::string ident, Limits limits) : ident_(std::move(ident)), limits_(limits) {}

bool Outbox::has_room(std::size_t channel_bytes, std::size_t payload_bytes) const noexcept {
    const std::size_t bytes =
        wire::publish_frame_bytes(ident_.size(), channel_bytes, payload_bytes);
    return unsent_bytes_ + bytes + (unsent_messages_ + 1) * outbox_frame_overhead_bytes <=
           limits_.bytes_max;
}

bool Outbox::is_relieved() const noexcept {
    return unsent_bytes_ + unsent_messages_ * outbox_frame_overhead_bytes <=
           limits_.bytes_max / 4 * 3;
}

bool Outbox::push(std::string_view channel, std::span<const std::byte> payload,
                  Clock::time_point now, Overflow overflow, std::uint64_t tag) {
    const std::size_t bytes =
        wire::publish_frame_bytes(ident_.size(), channel.size(), payload.size());
    const std::size_t cost = bytes + outbox_frame_overhead_bytes;
    // What is lent cannot go, so it does not count either: a push always ends.
    const std::size_t fixed = pinned() ? chunks_[sending_].cost() : 0;
    std::uint64_t forgotten = 0;
    while (cost_ - std::min(cost_, fixed) + cost > limits_.bytes_max) {
        if (overflow == Overflow::refuse) return false;
        if (forget_one(forgotten)) continue;
        if (!drop_one()) break;
        ++counts_.dropped_for_room;
    }
    Chunk& chunk = chunk_with_room(bytes);
    chunk.stamp(now);
    chunk.tag(tag);
    append(chunk, channel, payload, bytes);
    return true;
}

Outbox::Chunk& Outbox::chunk_with_room(std::size_t bytes) {
    if (!chunks_.empty() && chunks_.back().capacity - chunks_.back().used >= bytes)
        return chunks_.back();
    if (bytes <= outbox_chunk_bytes && !spare_.empty()) {
        chunks_.push_back(std::move(spare_.back()));
        spare_.pop_back();
    } else {
        const std::size_t usual = chunks_.empty() ? outbox_first_chunk_bytes : outbox_chunk_bytes;
        Chunk& chunk = chunks_.emplace_back();
        chunk.capacity = std::max(bytes, usual);
        chunk.memory = std::make_unique_for_overwrite<std::byte[]>(chunk.capacity);
        if (usual == outbox_chunk_bytes) chunk.ends.reserve(outbox_chunk_bytes / 64);
    }
    filling_ = &chunks_.back();
    return chunks_.back();
}

std::span<const std::byte> Outbox::lend() noexcept {
    while (sending_ < chunks_.size()) {
        const Chunk& chunk = chunks_[sending_];
        if (chunk.next < chunk.frames()) {
            lent_ = true;
            const std::size_t begin = chunk.begin_of(chunk.next) + half_sent_bytes_;
            return {chunk.memory.get() + begin, chunk.used - begin};
        }
        if (sending_ + 1 == chunks_.size()) break;
        ++sending_;
    }
    return {};
}

std::span<const std::byte> Outbox::lend_frame() noexcept {
    const std::span<const std::byte> lent = lend();
    if (lent.empty()) return lent;
    const Chunk& chunk = chunks_[sending_];
    return lent.first(chunk.bytes_of(chunk.next) - half_sent_bytes_);
}

void Outbox::sent(std::size_t count) noexcept {
    lent_ = false;
    if (count == 0) return;
    Chunk& chunk = chunks_[sending_];
    position_ += count;
    const std::size_t begin = chunk.begin_of(chunk.next);
    const std::size_t reached = begin + half_sent_bytes_ + count;
    // The first frame that is not sent whole: usually there is none, else it is searched for.
    const std::size_t unsent = reached == chunk.used
                                   ? chunk.frames()
                                   : chunk.first_behind(reached, chunk.next, chunk.frames());
    const std::size_t sent = unsent - chunk.next;
    chunk.next += sent;
    half_sent_bytes_ = reached - chunk.begin_of(chunk.next);
    unsent_bytes_ -= chunk.begin_of(chunk.next) - begin;
    unsent_messages_ -= sent;
    counts_.sent += sent;
    assert(half_sent_bytes_ == 0 || chunk.next < chunk.frames());
}

bool Outbox::at_frame_boundary() const noexcept {
    return half_sent_bytes_ == 0;
}

bool Outbox::forget_one(std::uint64_t& tag) noexcept {
    if (chunks_.empty()) return false;
    Chunk& chunk = chunks_.front();
    if (chunk.first == chunk.next) return false;
    forget_until(chunk, chunk.first + 1, tag);
    recycle_spent();
    return true;
}

void Outbox::forget_until(Chunk& chunk, std::size_t frame, std::uint64_t& tag) noexcept {
    const std::size_t bytes = chunk.begin_of(frame) - chunk.begin_of(chunk.first);
    forgotten_position_ += bytes;
    cost_ -= bytes + (frame - chunk.first) * outbox_frame_overhead_bytes;
    for (; chunk.tagged && chunk.first < frame; ++chunk.first)
        if (chunk.tags[chunk.first] != 0) tag = chunk.tags[chunk.first];
    chunk.first = frame;
}

std::uint64_t Outbox::forget(std::uint64_t position) noexcept {
    std::uint64_t tag = 0;
    while (!chunks_.empty() && position > forgotten_position_) {
        Chunk& chunk = chunks_.front();
        if (chunk.first == chunk.next) break;
        const std::size_t bytes = chunk.begin_of(chunk.next) - chunk.begin_of(chunk.first);
        if (forgotten_position_ + bytes <= position) {
            // The usual case: all that was sent of this chunk, at once.
            forget_until(chunk, chunk.next, tag);
            recycle_spent();
        } else {
            // Some of it, up to the first frame that ends behind `position`.
            const std::size_t end = chunk.begin_of(chunk.first) + position - forgotten_position_;
            forget_until(chunk, chunk.first_behind(end, chunk.first, chunk.next), tag);
            break;
        }
    }
    return tag;
}

std::uint64_t Outbox::forget_refused(std::string_view channel) noexcept {
    std::uint64_t refused_end = forgotten_position_;
    bool found = false;
    for (const Chunk& chunk : chunks_) {
        for (std::size_t i = chunk.first; i < chunk.next && !found; ++i) {
            refused_end += chunk.bytes_of(i);
            const std::span<const std::byte> bytes(chunk.memory.get() + chunk.begin_of(i),
                                                   chunk.bytes_of(i));
            found = wire::parse(bytes, wire::Peer::broker, {bytes.size()}).frame.channel == channel;
        }
        if (found) break;
    }
    counts_.refused += refused_end > forgotten_position_ ? 1 : 0;
    return forget(refused_end);
}

void Outbox::rewind() noexcept {
    lent_ = false;
    half_sent_bytes_ = 0;
    for (std::size_t i = 0; i < chunks_.size() && i <= sending_; ++i) {
        Chunk& chunk = chunks_[i];
        for (std::size_t frame = chunk.first; frame < chunk.next; ++frame) {
            unsent_bytes_ += chunk.bytes_of(frame);
            ++unsent_messages_;
            ++counts_.sent_again;
        }
        chunk.next = chunk.first;
    }
    sending_ = 0;
    position_ = 0;
    forgotten_position_ = 0;
}

Outbox::Chunk* Outbox::oldest_droppable() noexcept {
    for (std::size_t i = sending_; i < chunks_.size(); ++i) {
        Chunk& chunk = chunks_[i];
        if (i == sending_ && pinned()) continue;
        if (chunk.first < chunk.next) return nullptr;  // sent frames are before it
        if (chunk.first < chunk.frames()) return &chunk;
    }
    return nullptr;
}

bool Outbox::drop_one() noexcept {
    Chunk* const chunk = oldest_droppable();
    if (chunk == nullptr) return false;
    const std::size_t bytes = chunk->bytes_of(chunk->first);
    cost_ -= bytes + outbox_frame_overhead_bytes;
    unsent_bytes_ -= bytes;
    --unsent_messages_;
    ++chunk->first;
    ++chunk->next;
    recycle_spent();
    return true;
}

void Outbox::drop_expired(Clock::time_point now) noexcept {
    for (Chunk* chunk = oldest_droppable();
         chunk != nullptr && now - chunk->time_of(chunk->first) > limits_.age_max;
         chunk = oldest_droppable()) {
        static_cast<void>(drop_one());
        ++counts_.dropped_for_age;
    }
}

void Outbox::trim() noexcept {
    spare_.clear();
    spare_.shrink_to_fit();
}

Clock::time_point Outbox::oldest() const noexcept {
    for (std::size_t i = sending_; i < chunks_.size(); ++i)
        if (chunks_[i].next < chunks_[i].frames()) return chunks_[i].time_of(chunks_[i].next);
    return Clock::time_point::max();
}

// Chunks of which nothing is needed go: from the front, and, when the front is pinned, the one
// behind it, which is where drop_one() took from.
void Outbox::recycle_spent() noexcept {
    const auto spent = [](const Chunk& chunk) { return chunk.first == chunk.frames(); };
    while (!chunks_.empty() && spent(chunks_.front()) && !(sending_ == 0 && pinned()))
        recycle(chunks_.begin());
    if (chunks_.size() > sending_ + 1 && spent(chunks_[sending_ + 1]))
        recycle(chunks_.begin() + static_cast<std::ptrdiff_t>(sending_ + 1));
}

void Outbox::recycle(Chunks::iterator chunk) noexcept {
    const auto index = static_cast<std::size_t>(chunk - chunks_.begin());
    chunk->used = 0;
    chunk->ends.clear();
    chunk->stamps.clear();
    chunk->tags.clear();
    chunk->tagged = false;
    chunk->first = 0;
    chunk->next = 0;
    if (chunk->capacity == outbox_chunk_bytes && spare_.size() < spare_chunks_max)
        spare_.push_back(std::move(*chunk));
    chunks_.erase(chunk);
    if (index < sending_) --sending_;
    filling_ = chunks_.empty() ? nullptr : &chunks_.back();
}

}  // namespace hpfeeds::client
