// SPDX-License-Identifier: Apache-2.0
// inbox.hpp: what came from the broker, on its way from the thread that receives to the one that
// reads.
//
//     receiver → | filling | ⇄ swapped, when the reader has used its own up ⇄ | reading | → reader
//
// Two batches, so that a lock is taken once per batch and never per message; what one read from the
// socket brought is added at once, as frames. Messages and incidents (errors of the broker, lost
// connections) stay in the order in which they came. After warm-up nothing is allocated.
//
// Units      bytes; above inbox_bytes_max the receiver is to stop until `room` wakes it.
// Threads    one receiver, one reader at a time; stop() from any thread and from signal handlers.
// Ownership  what next() shows lives until its next call. Borrows `room`.
// Errors     nothing throws but for want of memory.
#pragma once

#include "client/bell.hpp"
#include "client/deadline.hpp"
#include "client/message_frame.hpp"
#include "client/wake_event.hpp"
#include "hpfeeds/event.hpp"
#include "hpfeeds/message.hpp"
#include "wire/parser.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
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
    explicit Inbox(const WakeEvent& room) noexcept : room_(room) {}

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
        // Whole PUBLISH frames side by side, each of them sound.
        void add_frames(std::span<const std::byte> frames);
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
    // False: `room` will be notified when the reader has taken something.
    [[nodiscard]] bool has_room();

    // The reader's side.
    enum class Kind : std::uint8_t { message, incident, timed_out, stopped, ended };
    // Puts the next message into `message`.
    [[nodiscard]] Kind next(Timeout& timeout, MessageView& message) {
        if (stopped()) return Kind::stopped;
        if (reading_.take(message)) return Kind::message;
        return wait_for_next(timeout, message);
    }
    // Requires: next() just said incident or ended.
    [[nodiscard]] const Incident& incident() const noexcept { return *incident_; }

    // From now on next() says stopped. Async-signal-safe.
    void stop() noexcept;
    [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

private:
    // PUBLISH frames side by side, and the incidents between them.
    struct Noted {
        Incident incident;
        std::size_t at = 0;  // behind so many bytes of frames
    };
    struct Batch {
        std::vector<std::byte> bytes;
        std::vector<Noted> incidents;
        std::size_t read_bytes = 0;
        std::size_t read_incidents = 0;
        std::size_t stop_at = 0;  // frames may be read up to here: an incident, or the end

        [[nodiscard]] bool empty() const noexcept { return bytes.empty() && incidents.empty(); }
        void clear();
        void find_stop() noexcept;
        [[nodiscard]] bool take(MessageView& message) noexcept {
            if (read_bytes == stop_at) return false;
            const std::byte* const frame = bytes.data() + read_bytes;
            const wire::PublishShape shape =
                wire::publish_shape({frame, bytes.size() - read_bytes}, {bytes.size()});
            show_message(frame, shape, message);
            read_bytes += shape.frame_bytes;
            return true;
        }
        [[nodiscard]] const Incident* take_incident() noexcept;
    };
    [[nodiscard]] Kind wait_for_next(Timeout& timeout, MessageView& message);
    [[nodiscard]] bool swap();

    const WakeEvent& room_;
    Bell mail_;
    std::atomic<bool> stopped_{false};
    static_assert(std::atomic<bool>::is_always_lock_free, "stop() is for signal handlers");

    std::mutex mutex_;
    Batch filling_;                // with the lock
    bool reader_waits_ = false;    // with the lock
    bool receiver_waits_ = false;  // with the lock
    bool ended_ = false;           // with the lock
    Incident last_;                // written before ended_ is

    Batch reading_;  // the reader's, as is what follows
    const Incident* incident_ = nullptr;
};

}  // namespace hpfeeds::client
