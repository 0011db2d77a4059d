// SPDX-License-Identifier: Apache-2.0
// inbox.hpp: what came from the broker, on its way from the thread that receives to the one that
// reads.
//
//     receiver → | filling | ⇄ swapped, when the reader has used its own up ⇄ | reading | → reader
//
// Two batches, so that a lock is taken once per batch and never per message; what one read from the
// socket brought is added at once, as frames: the slab that it was read into goes to the reader,
// who gives it back for another read; only a little (handed_over_bytes_min) is copied instead, so
// that a slab never waits for the sake of a few bytes. Messages and incidents (errors of the
// broker, lost connections) stay in the order in which they came. After warm-up nothing is
// allocated.
//
// Units      bytes; above inbox_bytes_max the receiver is to stop until `room` wakes it. Slabs hold
//            four times that at the most, in each of the two batches.
// Threads    one receiver, one reader at a time; stop() from any thread and from signal handlers.
// Ownership  what next() shows lives until its next call. Borrows `room`.
// Errors     nothing throws but for want of memory.
#pragma once

#include "client/bell.hpp"
#include "client/deadline.hpp"
#include "client/limits.hpp"
#include "client/message_frame.hpp"
#include "client/wake_event.hpp"
#include "hpfeeds/event.hpp"
#include "hpfeeds/message.hpp"
#include "wire/parser.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace hpfeeds::client {

// What happened on the session besides messages.
struct Incident {
    using Kind = ClientEvent::Kind;
    using Stage = ClientEvent::Stage;
    std::error_code code;
    std::string text;                 // one line for a person
    std::string broker_said{};        // the ERROR's text, byte for byte
    Kind kind = Kind::trouble;        // never message
    Stage stage = Stage::connecting;  // of a connection that is over
    std::optional<std::chrono::milliseconds> pause{};
};

// A broker has introduced itself: its name is the text.
[[nodiscard]] inline Incident greeting_of(std::string_view broker_name) {
    Incident greeted;
    greeted.text = broker_name;
    greeted.kind = Incident::Kind::connected;
    return greeted;
}

class Inbox {
public:
    // What one read from the socket goes into.
    using Slab = std::array<std::byte, read_bytes_max>;

    explicit Inbox(const WakeEvent& room) : room_(room) { spare_.reserve(slabs_max); }

    // The receiver's side. While a Filling lives it holds the lock; when it goes, the reader knows,
    // or with Wake::later, when wake_reader() is called: waking costs as much as dozens of
    // messages.
    enum class Wake : std::uint8_t { now, later };
    class Filling {
    public:
        explicit Filling(Inbox& inbox, Wake wake = Wake::now)
            : inbox_(inbox), wake_(wake), lock_(inbox.mutex_) {}
        ~Filling() {
            lock_.unlock();
            if (wake_ == Wake::now) inbox_.wake_reader();
        }
        Filling(const Filling&) = delete;
        Filling& operator=(const Filling&) = delete;
        void add(const MessageView& message);
        // Whole PUBLISH frames side by side, each of them sound. If they are many, the `slab` that
        // they lie in goes with them. Nobody writes there before the receiver asks for a slab
        // again.
        void add_frames(std::span<const std::byte> frames, std::unique_ptr<Slab>& slab);
        // Above troubles_max unread ones the newest takes the place of the last before it, unless
        // it is a greeting, which matters less than any trouble.
        void add(Incident incident);
        // Nothing more will come, because of this.
        void end(Incident last);

    private:
        Inbox& inbox_;
        Wake wake_;
        std::unique_lock<std::mutex> lock_;
    };
    void wake_reader();
    // For the receiver to read into.
    [[nodiscard]] std::unique_ptr<Slab> new_slab();
    // False: `room` will be notified when the reader has taken something.
    [[nodiscard]] bool has_room();

    // The reader's side.
    enum class Kind : std::uint8_t { message, incident, timed_out, stopped, ended };
    // Puts the next message into `message`.
    [[nodiscard]] Kind next(Timeout& timeout, MessageView& message) {
        return next_quickly(message) ? Kind::message : wait_for_next(timeout, message);
    }
    // The same for a fraction of the price when there is a message. False: ask next().
    [[nodiscard]] bool next_quickly(MessageView& message) noexcept {
        return !stopped() && reading_.take(message);
    }
    // Requires: next() just said incident or ended.
    [[nodiscard]] const Incident& incident() const noexcept { return *incident_; }

    // From now on next() says stopped. Async-signal-safe.
    void stop() noexcept;
    [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t slabs_max = 2 * (inbox_bytes_max / handed_over_bytes_min + 1);

    // Frames side by side, in a slab, or in what was copied.
    struct Piece {
        const std::byte* slab = nullptr;  // null: copied
        std::size_t begin = 0;
        std::size_t end = 0;
    };
    struct Noted {
        Incident incident;
        std::size_t at = 0;  // before this piece
    };
    struct Batch {
        std::vector<std::byte> copied;
        std::vector<std::unique_ptr<Slab>> slabs;
        std::vector<Piece> pieces;
        std::vector<Noted> incidents;
        std::size_t frame_bytes = 0;
        // The reader's place in it.
        const std::byte* next_frame = nullptr;
        const std::byte* piece_end = nullptr;
        std::size_t read_pieces = 0;
        std::size_t read_incidents = 0;

        [[nodiscard]] bool empty() const noexcept { return pieces.empty() && incidents.empty(); }
        void copy(std::span<const std::byte> frames);
        // Room behind what was copied.
        [[nodiscard]] std::span<std::byte> grow(std::size_t bytes);
        // Requires: its slabs are gone.
        void clear();
        [[nodiscard]] bool take(MessageView& message) noexcept {
            if (next_frame == piece_end) return false;
            const wire::PublishShape shape = wire::shape_of_sound(next_frame);
            show_message(next_frame, shape, message);
            next_frame += shape.frame_bytes;
            return true;
        }
        // Behind the end of a piece, there is one or the other, or nothing.
        [[nodiscard]] const Incident* take_incident() noexcept;
        [[nodiscard]] bool begin_piece() noexcept;
    };
    [[nodiscard]] Kind wait_for_next(Timeout& timeout, MessageView& message);
    [[nodiscard]] bool swap();

    const WakeEvent& room_;
    Bell mail_;
    std::atomic<bool> stopped_{false};
    static_assert(std::atomic<bool>::is_always_lock_free, "stop() is for signal handlers");

    std::mutex mutex_;
    Batch filling_;                             // with the lock
    std::vector<std::unique_ptr<Slab>> spare_;  // with the lock
    bool reader_waits_ = false;                 // with the lock
    bool receiver_waits_ = false;               // with the lock
    bool ended_ = false;                        // with the lock
    Incident last_;                             // written before ended_ is

    Batch reading_;  // the reader's, as is what follows
    const Incident* incident_ = nullptr;
};

}  // namespace hpfeeds::client
