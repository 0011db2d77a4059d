// SPDX-License-Identifier: Apache-2.0
// inbox.hpp: what came from the broker, on its way from the thread that receives to the one that
// reads.
//
//     receiver → | filling | ⇄ swapped, when the reader has used its own up ⇄ | reading | → reader
//
// Two batches, so that a lock is taken once per batch and never per message. Messages and incidents
// (errors of the broker, lost connections) stay in the order in which they came. After warm-up
// nothing is allocated.
//
// Units      bytes; above inbox_bytes_max the receiver is to stop until `room` wakes it.
// Threads    one receiver, one reader at a time; stop() from any thread and from signal handlers.
// Ownership  views from next() live until the next call of next(). Borrows `room`.
// Errors     nothing throws but for want of memory.
#pragma once

#include "client/deadline.hpp"
#include "client/wake_event.hpp"
#include "hpfeeds/message.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

namespace hpfeeds::client {

struct Incident {
    std::error_code code;
    std::string text;  // one line for a person
};

class Inbox {
public:
    explicit Inbox(const WakeEvent& room) noexcept : room_(room) {}

    // The receiver's side. While a Filling lives it holds the lock; when it goes, the reader knows.
    class Filling {
    public:
        explicit Filling(Inbox& inbox) : inbox_(inbox), lock_(inbox.mutex_) {}
        ~Filling();
        Filling(const Filling&) = delete;
        Filling& operator=(const Filling&) = delete;
        void add(const MessageView& message);
        // Above troubles_max unread ones the newest takes the place of the last before it.
        void add(Incident incident);
        // Nothing more will come, because of this.
        void end(Incident last);

    private:
        Inbox& inbox_;
        std::unique_lock<std::mutex> lock_;
    };
    // False: `room` will be notified when the reader has taken something.
    [[nodiscard]] bool has_room();

    // The reader's side.
    enum class Kind : std::uint8_t { message, incident, timed_out, stopped, ended };
    struct Item {
        Kind kind = Kind::timed_out;
        MessageView message;
        const Incident* incident = nullptr;  // of incident and ended
    };
    [[nodiscard]] Item next(Timeout& timeout);

    // From now on next() says stopped. Async-signal-safe.
    void stop() noexcept;
    [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

private:
    // Records side by side: a Header, then ident, channel and payload of a message.
    struct Header {
        std::uint32_t payload_bytes = 0;
        std::uint8_t ident_bytes = 0;
        std::uint8_t channel_bytes = 0;
        bool is_incident = false;
    };
    struct Batch {
        std::vector<std::byte> bytes;
        std::vector<Incident> incidents;
        std::size_t read_bytes = 0;
        std::size_t read_incidents = 0;

        [[nodiscard]] bool used_up() const noexcept { return read_bytes == bytes.size(); }
        void clear();
        void append(const void* from, std::size_t count);
    };
    [[nodiscard]] Item take();
    [[nodiscard]] bool swap();

    const WakeEvent& room_;
    WakeEvent mail_;
    std::atomic<bool> stopped_{false};
    static_assert(std::atomic<bool>::is_always_lock_free, "stop() is for signal handlers");

    std::mutex mutex_;
    Batch filling_;                // with the lock
    bool reader_waits_ = false;    // with the lock
    bool receiver_waits_ = false;  // with the lock
    bool ended_ = false;           // with the lock
    Incident last_;                // written before ended_ is

    Batch reading_;  // the reader's
};

}  // namespace hpfeeds::client
