// SPDX-License-Identifier: Apache-2.0
// read_buffer.hpp: where received bytes go. One per shard, shared by all its connections.
//
//   current slab   | frames of many publishers … | what just came | free |
//                                                ^ prepare() … commit()
//
// Connections own no buffer. What a read leaves unparsed (the torn tail: the beginning of a frame)
// stays where it is, held by the session as a FrameRef; the next read of that session continues
// behind it when it can, and moves it when it cannot. A frame too large for the slab gets a slab of
// its size, and only what has arrived of it moves.
//
// Threads  owned by one shard.    Errors  nothing throws.
#pragma once

#include "bytes/frame_ref.hpp"
#include "bytes/limits.hpp"
#include "bytes/slab_pool.hpp"

#include <cstddef>
#include <span>

namespace hpfeeds::bytes {

class ReadBuffer {
public:
    explicit ReadBuffer(SlabPool& pool) noexcept : pool_(&pool) {}
    ~ReadBuffer();
    ReadBuffer(const ReadBuffer&) = delete;
    ReadBuffer& operator=(const ReadBuffer&) = delete;

    // Free memory behind `torn`, never empty. `frame_bytes`: the whole length of the torn frame, 0
    // when unknown. May move the torn bytes. Valid until the next call of prepare().
    [[nodiscard]] std::span<std::byte> prepare(FrameRef& torn, std::size_t frame_bytes) noexcept;

    // `count` bytes were received into what prepare() gave: the torn bytes with them behind.
    [[nodiscard]] Piece commit(std::size_t count) noexcept;

    // Keeps `rest`, which must be a tail of the last committed piece, as the session's torn bytes.
    void keep(FrameRef& torn, Piece rest) noexcept;

    // Moves torn bytes that have long waited to memory of their own size, so that they no longer
    // pin a shared slab.
    void compact(FrameRef& torn) noexcept;

private:
    [[nodiscard]] bool continues_in_place(const Piece& torn,
                                          std::size_t frame_bytes) const noexcept;
    Slab* slab_with_room(std::size_t bytes) noexcept;

    SlabPool* pool_;
    Slab* current_ = nullptr;  // the slab that everybody receives into
    Slab* target_ = nullptr;   // where the last prepare() pointed
    // The room a read must have at least: what is left behind it in the slab stays unused for as
    // long as somebody's queue holds the slab, so it is little when reads bring little.
    std::size_t good_read_ = good_read_bytes_max;
    std::uint32_t begin_ = 0;  // where the torn bytes of the last prepare() begin
};

}  // namespace hpfeeds::bytes
