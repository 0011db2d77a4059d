// SPDX-License-Identifier: Apache-2.0
#include "client/outbox.hpp"

#include "client/limits.hpp"
#include "wire/encode.hpp"
#include "wire/parser.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hpfeeds::client {

std::size_t Outbox::Chunk::cost() const noexcept {
    return used - begin_of(first) + (frames.size() - first) * outbox_frame_overhead_bytes;
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
    const std::span<std::byte> room(chunk.memory.get() + chunk.used, bytes);
    wire::encode_publish(room, ident_, channel, payload);
    chunk.used += bytes;
    chunk.frames.push_back({static_cast<std::uint32_t>(chunk.used), now, tag});
    chunk.tagged = chunk.tagged || tag != 0;
    cost_ += cost;
    unsent_bytes_ += bytes;
    ++unsent_messages_;
    ++counts_.pushed;
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
        if (usual == outbox_chunk_bytes) chunk.frames.reserve(outbox_chunk_bytes / 128);
    }
    return chunks_.back();
}

std::span<const std::byte> Outbox::lend() noexcept {
    while (sending_ < chunks_.size()) {
        const Chunk& chunk = chunks_[sending_];
        if (chunk.next < chunk.frames.size()) {
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
    const auto first_left = static_cast<std::ptrdiff_t>(chunk.next);
    const auto unsent =
        reached == chunk.used
            ? chunk.frames.end()
            : std::partition_point(chunk.frames.begin() + first_left, chunk.frames.end(),
                                   [&](const Frame& frame) { return frame.end <= reached; });
    const auto sent = static_cast<std::size_t>(unsent - chunk.frames.begin()) - chunk.next;
    chunk.next += sent;
    half_sent_bytes_ = reached - chunk.begin_of(chunk.next);
    unsent_bytes_ -= chunk.begin_of(chunk.next) - begin;
    unsent_messages_ -= sent;
    counts_.sent += sent;
    assert(half_sent_bytes_ == 0 || chunk.next < chunk.frames.size());
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
        if (chunk.frames[chunk.first].tag != 0) tag = chunk.frames[chunk.first].tag;
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
            const auto begin = chunk.frames.begin();
            const auto kept =
                std::partition_point(begin + static_cast<std::ptrdiff_t>(chunk.first),
                                     begin + static_cast<std::ptrdiff_t>(chunk.next),
                                     [&](const Frame& frame) { return frame.end <= end; });
            forget_until(chunk, static_cast<std::size_t>(kept - begin), tag);
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
        if (chunk.first < chunk.frames.size()) return &chunk;
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
         chunk != nullptr && now - chunk->frames[chunk->first].at > limits_.age_max;
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
        if (chunks_[i].next < chunks_[i].frames.size())
            return chunks_[i].frames[chunks_[i].next].at;
    return Clock::time_point::max();
}

// Chunks of which nothing is needed go: from the front, and, when the front is pinned, the one
// behind it, which is where drop_one() took from.
void Outbox::recycle_spent() noexcept {
    const auto spent = [](const Chunk& chunk) { return chunk.first == chunk.frames.size(); };
    while (!chunks_.empty() && spent(chunks_.front()) && !(sending_ == 0 && pinned()))
        recycle(chunks_.begin());
    if (chunks_.size() > sending_ + 1 && spent(chunks_[sending_ + 1]))
        recycle(chunks_.begin() + static_cast<std::ptrdiff_t>(sending_ + 1));
}

void Outbox::recycle(Chunks::iterator chunk) noexcept {
    const auto index = static_cast<std::size_t>(chunk - chunks_.begin());
    chunk->used = 0;
    chunk->frames.clear();
    chunk->tagged = false;
    chunk->first = 0;
    chunk->next = 0;
    if (chunk->capacity == outbox_chunk_bytes && spare_.size() < spare_chunks_max)
        spare_.push_back(std::move(*chunk));
    chunks_.erase(chunk);
    if (index < sending_) --sending_;
}

}  // namespace hpfeeds::client
