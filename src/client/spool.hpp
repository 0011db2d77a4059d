// SPDX-License-Identifier: Apache-2.0
// spool.hpp: published events on disk, so that they outlive the process, until the broker has them.
//
// An SQLite file in WAL mode, held by one process at a time. append() returns when the event is in
// the file: killing the process loses nothing. It does not wait for the disk itself, so a power
// failure may take the last moments' events, but never damages the file. Channel and payload are
// kept, not the ident: an event is published under the ident that the client then has.
//
// Units      bytes of channel and payload, and spool_event_overhead_bytes for each event; bytes()
//            never exceeds Limits::bytes_max. Ages are by the wall clock, which a restart keeps.
// Threads    any; calls wait for each other, and for the disk.
// Errors     error_codes: Errc::spool_unusable, spool_locked, spool_full; explanation() names the
//            file and says what to do. After any of them the file is as it was before the call. The
//            constructor throws hpfeeds::Error with the same codes. No call waits for another
//            process longer than spool_patience.
#pragma once

#include "client/errc.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace hpfeeds::client {

class Spool {
public:
    struct Limits {
        std::size_t bytes_max = 256U << 20;
        std::chrono::milliseconds age_max = std::chrono::hours{7 * 24};
    };
    using WallClock = std::chrono::system_clock;

    Spool(std::string path, Limits limits);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    // Adds an event behind all others; drops the oldest for it when there is no room.
    [[nodiscard]] std::error_code append(std::string_view channel,
                                         std::span<const std::byte> payload,
                                         WallClock::time_point now);

    struct Event {
        std::uint64_t id = 0;  // rises
        std::string_view channel;
        std::span<const std::byte> payload;
    };
    // The events behind `id`, oldest first, until `take` says false, which leaves that one for the
    // next time. Views live until `take` returns; it must not call the spool.
    [[nodiscard]] std::error_code read_after(std::uint64_t id,
                                             const std::function<bool(const Event&)>& take);
    // Events up to `id` are where they should be.
    [[nodiscard]] std::error_code forget(std::uint64_t id);
    [[nodiscard]] std::error_code drop_expired(WallClock::time_point now);

    [[nodiscard]] std::size_t events() const;
    [[nodiscard]] std::size_t bytes() const;
    struct Counts {
        std::uint64_t appended = 0;
        std::uint64_t dropped_for_room = 0;
        std::uint64_t dropped_for_age = 0;
    };
    [[nodiscard]] Counts counts() const;
    // Of the last failure, one line for a person.
    [[nodiscard]] std::string explanation() const;

private:
    struct File;  // keeps SQLite's header out of this one
    [[nodiscard]] std::error_code make_room(std::size_t cost);
    [[nodiscard]] std::error_code count_what_is_there();
    std::error_code fail(std::string_view doing);

    const Limits limits_;
    mutable std::mutex mutex_;
    std::unique_ptr<File> file_;
    std::size_t events_ = 0;
    std::size_t bytes_ = 0;
    Counts counts_;
    std::string explanation_;
};

}  // namespace hpfeeds::client
