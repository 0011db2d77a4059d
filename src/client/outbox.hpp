// SPDX-License-Identifier: Apache-2.0
// outbox.hpp: what was published and has still to reach the system, as frames in order.
//
//     | sent, kept for a rewind | half sent | not sent … |
//     ^ forget() goes up to here ^ lend()
//
// Does no I/O and reads no clock: the caller asks what to write (lend), then says what was taken
// (sent). What the system took whole is kept until forget(), so that a connection that breaks
// can be rewound: the half-written frame, and whatever was sent and not yet forgotten, is sent
// again whole on the next one.
//
//     push() … lend() → write → sent(n) → forget(position())    a healthy connection
//     rewind()                                                   a new one
//
// Units      bytes, as on the wire; a kept frame costs outbox_frame_overhead_bytes more. cost()
//            never exceeds Limits::bytes_max but for the chunk that is lent.
// Threads    one owner; but bytes that lend() gave may be read without its lock until sent() or
//            rewind(), because push() appends behind them and nothing lent is ever dropped.
// Ownership  owns the frames. A lent span lives until sent() or rewind().
// Errors     values; nothing throws but for want of memory.
#pragma once

#include "client/deadline.hpp"
#include "client/limits.hpp"
#include "wire/encode.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::client {

class Outbox {
public:
    struct Limits {
        std::size_t bytes_max = 16U << 20;
        Clock::duration age_max = std::chrono::hours{1};
    };
    enum class Overflow : std::uint8_t { drop_oldest, refuse };

    // Requires: the ident has at most 255 bytes.
    Outbox(std::string ident, Limits limits);

    // Appends a PUBLISH. False: there is no room, and `overflow` says that nothing else may go for
    // it. `tag` is the caller's own name for the message, rising; 0: none.
    // Requires: channel and payload fit into a frame (ClientMachine::check_publish).
    bool push(std::string_view channel, std::span<const std::byte> payload, Clock::time_point now,
              Overflow overflow, std::uint64_t tag = 0);
    // push() without a tag in the usual case, for a fraction of the price: there is room, in the
    // outbox and in the chunk that is being filled, and `now` is what it was. False: nothing was
    // done, call push().
    [[nodiscard]] bool push_quickly(std::string_view channel, std::span<const std::byte> payload,
                                    Clock::time_point now) {
        Chunk* const chunk = filling_;
        const std::size_t bytes =
            wire::publish_frame_bytes(ident_.size(), channel.size(), payload.size());
        if (chunk == nullptr || chunk->capacity - chunk->used < bytes || chunk->stamped_at != now ||
            chunk->tagged || cost_ + bytes + outbox_frame_overhead_bytes > limits_.bytes_max)
            return false;
        append(*chunk, channel, payload, bytes);
        return true;
    }
    // Whether push() would have to drop anything that was not sent.
    [[nodiscard]] bool has_room(std::size_t channel_bytes,
                                std::size_t payload_bytes) const noexcept;

    // At least a quarter is free: worth waking those who wait for room.
    [[nodiscard]] bool is_relieved() const noexcept;

    // The next bytes to write, whole frames behind the rest of a half-sent one; empty: all is sent.
    [[nodiscard]] std::span<const std::byte> lend() noexcept;
    // The first frame alone, or the rest of it: something else is to be written before the others.
    [[nodiscard]] std::span<const std::byte> lend_frame() noexcept;
    // The system took the first `count` of the lent bytes. Ends the loan.
    void sent(std::size_t count) noexcept;
    // The last lend() has not been answered by sent().
    [[nodiscard]] bool is_lent() const noexcept { return lent_; }
    // Nothing is half sent: other frames may be written now.
    [[nodiscard]] bool at_frame_boundary() const noexcept;

    // Bytes sent since the last rewind.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    // Frames that were sent whole and end at or below `position` are not needed any more. Returns
    // the tag of the newest of them, 0 without.
    std::uint64_t forget(std::uint64_t position) noexcept;
    // The broker executed what was sent up to a message on `channel`, refused that one, and ignored
    // the rest: forgets all up to it; the whole of what was sent when no such message is found. So
    // a message that will always be refused is not sent for ever. Returns the newest tag, 0
    // without.
    std::uint64_t forget_refused(std::string_view channel) noexcept;
    // A new connection: everything that is kept is to be sent, from the beginning of its first
    // frame.
    void rewind() noexcept;
    // Drops what has waited since before `now - age_max`. Only while nothing is sent or lent.
    void drop_expired(Clock::time_point now) noexcept;
    // Gives back the memory that is kept for the next burst.
    void trim() noexcept;

    [[nodiscard]] std::size_t cost() const noexcept { return cost_; }
    [[nodiscard]] std::size_t unsent_messages() const noexcept { return unsent_messages_; }
    [[nodiscard]] std::size_t unsent_bytes() const noexcept { return unsent_bytes_; }
    // When the oldest unsent message was published. Requires: unsent_messages() > 0.
    [[nodiscard]] Clock::time_point oldest() const noexcept;

    // Since the beginning.
    struct Counts {
        std::uint64_t pushed = 0;
        std::uint64_t sent = 0;              // wholly taken by the system; again after a rewind
        std::uint64_t sent_again = 0;        // were sent before a rewind
        std::uint64_t dropped_for_room = 0;  // never sent
        std::uint64_t dropped_for_age = 0;   // never sent
        std::uint64_t refused = 0;           // by the broker, as far as it said which
    };
    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

private:
    // Frames side by side. Those before `first` are gone, those before `next` are sent.
    struct Chunk {
        std::unique_ptr<std::byte[]> memory;
        std::size_t capacity = 0;
        std::size_t used = 0;
        std::vector<std::uint32_t> ends;  // of the frames
        std::size_t first = 0;
        std::size_t next = 0;
        Clock::time_point stamped_at{};   // when the last frame came
        bool tagged = false;              // a frame has a tag
        std::vector<std::uint64_t> tags;  // of the frames, when tagged
        // When frames came: each stamp is of the frames from its first up to the next stamp's.
        struct Stamp {
            std::uint32_t first_frame;
            Clock::time_point at;
        };
        std::vector<Stamp> stamps;

        [[nodiscard]] std::size_t frames() const noexcept { return ends.size(); }
        [[nodiscard]] std::size_t begin_of(std::size_t frame) const noexcept {
            return frame == 0 ? 0 : ends[frame - 1];
        }
        [[nodiscard]] std::size_t bytes_of(std::size_t frame) const noexcept {
            return ends[frame] - begin_of(frame);
        }
        [[nodiscard]] std::size_t cost() const noexcept;
        [[nodiscard]] Clock::time_point time_of(std::size_t frame) const noexcept;
        // The first frame in [begin, end) that ends behind `position`, or `end`.
        [[nodiscard]] std::size_t first_behind(std::size_t position, std::size_t begin,
                                               std::size_t end) const noexcept;
        // Of the frame that is appended next.
        void stamp(Clock::time_point now);
        void tag(std::uint64_t name);
    };
    using Chunks = std::deque<Chunk>;

    Chunk& chunk_with_room(std::size_t bytes);
    // Requires: room for `bytes`, and that a stamp is there.
    void append(Chunk& chunk, std::string_view channel, std::span<const std::byte> payload,
                std::size_t bytes) {
        wire::encode_publish({chunk.memory.get() + chunk.used, bytes}, ident_, channel, payload);
        chunk.used += bytes;
        chunk.ends.push_back(static_cast<std::uint32_t>(chunk.used));
        cost_ += bytes + outbox_frame_overhead_bytes;
        unsent_bytes_ += bytes;
        ++unsent_messages_;
        ++counts_.pushed;
    }
    // Forgets the frames of a chunk, all of them sent, up to `frame`.
    void forget_until(Chunk& chunk, std::size_t frame, std::uint64_t& tag) noexcept;
    // Forgets the oldest kept frame, if that was sent whole.
    bool forget_one(std::uint64_t& tag) noexcept;
    // Drops the oldest frame that was not begun.
    bool drop_one() noexcept;
    [[nodiscard]] Chunk* oldest_droppable() noexcept;
    void recycle(Chunks::iterator chunk) noexcept;
    void recycle_spent() noexcept;
    [[nodiscard]] bool pinned() const noexcept { return lent_ || half_sent_bytes_ > 0; }

    std::string ident_;
    Limits limits_;
    Chunks chunks_;
    std::vector<Chunk> spare_;
    Chunk* filling_ = nullptr;         // the last one
    std::size_t sending_ = 0;          // the chunk that lend() gives from
    std::size_t half_sent_bytes_ = 0;  // of the frame at its `next`
    bool lent_ = false;
    std::uint64_t position_ = 0;
    std::uint64_t forgotten_position_ = 0;
    std::size_t cost_ = 0;
    std::size_t unsent_messages_ = 0;
    std::size_t unsent_bytes_ = 0;
    Counts counts_;
};

}  // namespace hpfeeds::client
