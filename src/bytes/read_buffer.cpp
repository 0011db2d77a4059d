// SPDX-License-Identifier: Apache-2.0
#include "bytes/read_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace hpfeeds::bytes {

ReadBuffer::~ReadBuffer() {
    if (current_) current_->release();
}

bool ReadBuffer::continues_in_place(const Piece& torn, std::size_t frame_bytes) const noexcept {
    const Slab& slab = *torn.slab;
    if (torn.end() != slab.used || slab.room() == 0) return false;
    if (torn.slab == current_)
        return slab.room() >= good_read_ && slab.capacity - torn.offset >= frame_bytes;
    // A slab of its own: good for as long as the frame fits.
    return slab.references.load(std::memory_order_acquire) == 1 && frame_bytes != 0 &&
           slab.capacity - torn.offset >= frame_bytes;
}

// The shared slab, with room for so many bytes.
Slab* ReadBuffer::slab_with_room(std::size_t bytes) noexcept {
    // Nobody else needs what is in it: begin again at the front, while it is warm in the cache.
    if (current_ && current_->references.load(std::memory_order_acquire) == 1 &&
        !current_->lent.load(std::memory_order_relaxed))
        current_->used = 0;
    if (!current_ || current_->room() < bytes) {
        if (current_) current_->release();
        current_ = pool_->take_to_receive();
    }
    return current_;
}

std::span<std::byte> ReadBuffer::prepare(FrameRef& torn, std::size_t frame_bytes) noexcept {
    if (torn.empty()) {
        target_ = slab_with_room(good_read_);
        begin_ = target_->used;
    } else if (continues_in_place(torn.piece(), frame_bytes)) {
        target_ = torn.piece().slab;
        begin_ = torn.piece().offset;
    } else {
        const Piece old = torn.piece();
        const std::size_t whole = std::max<std::size_t>(frame_bytes, old.length + 1);
        const bool large = whole > slab_bytes - sizeof(Slab) - good_read_bytes_max;
        target_ =
            large ? pool_->take(whole) : slab_with_room(std::max(whole, old.length + good_read_));
        begin_ = target_->used;
        std::memcpy(target_->data() + begin_, old.slab->data() + old.offset, old.length);
        target_->used += old.length;
        const Piece moved{target_, begin_, old.length};
        torn = large ? FrameRef::adopt(moved) : FrameRef::share(moved);
    }
    return {target_->data() + target_->used, target_->room()};
}

Piece ReadBuffer::commit(std::size_t count) noexcept {
    target_->used += static_cast<std::uint32_t>(count);
    good_read_ = std::clamp(2 * count, good_read_bytes_min, good_read_bytes_max);
    return {target_, begin_, target_->used - begin_};
}

void ReadBuffer::keep(FrameRef& torn, Piece rest) noexcept {
    if (rest.length == 0)
        torn.reset();
    else if (torn.piece().slab == rest.slab)
        torn.narrow(rest.offset, rest.length);
    else
        torn = FrameRef::share(rest);
}

void ReadBuffer::compact(FrameRef& torn) noexcept {
    const Piece old = torn.piece();
    if (torn.empty() || old.slab->capacity < slab_bytes / 2) return;
    const bool alone =
        old.slab != current_ && old.slab->references.load(std::memory_order_acquire) == 1;
    if (alone && old.slab->capacity / 2 < old.length) return;
    Slab* own = pool_->take(old.length);
    std::memcpy(own->data(), old.slab->data() + old.offset, old.length);
    own->used = old.length;
    torn = FrameRef::adopt({own, 0, old.length});
}

}  // namespace hpfeeds::bytes
