// SPDX-License-Identifier: Apache-2.0
// effects.hpp: what a shard asks of its engine. Core is called and never calls: each call may add
// effects; the engine carries them out at the end of its turn and clears them.
//
// Memory  the vectors keep their capacity, so that after warm-up nothing is allocated.
#pragma once

#include "bytes/frame_ref.hpp"
#include "core/close_reason.hpp"
#include "core/session.hpp"
#include "wire/parser.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace hpfeeds::core {

// Ask the key stores for an ident; answered by Shard::account_found(). For a recheck `asker` is not
// a session but LiveKeys' ticket.
struct LookupRequest {
    SessionId asker;
    std::string ident;
    Purpose purpose = Purpose::login;
};

// A run for listeners on other shards: carried out by their Shard::deliver().
struct Forward {
    std::uint64_t shards = 0;  // one bit each
    bytes::FrameRef run;
    std::uint32_t frames = 0;
    std::uint64_t payload_bytes = 0;
};

// This shard got its first listener of a channel, or lost its last one.
struct Announcement {
    std::string channel;
    bool listening = false;
};

// Something for the log: who, which channel, why. The engine adds from where.
struct Incident {
    enum class Kind : std::uint8_t {
        closed,
        slow_started,
        slow_recovered,
        frames_dropped,
        logged_in,
        subscribed,
        rights_changed,
        publisher_paused,
        frame_undelivered,
    };
    static constexpr std::size_t kind_count = 9;
    Kind kind = Kind::closed;
    CloseReason reason = CloseReason::peer_closed;
    wire::Refusal refusal = wire::Refusal::none;
    SessionId session;
    std::string ident;    // the login; before it, the ident of the AUTH
    std::string claimed;  // the ident in the frame, where it is another
    std::string channel;
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::uint64_t subscriptions = 0;  // that ended
};

struct Effects {
    std::vector<SessionId> dirty;    // have something to send: flush
    std::vector<SessionId> reading;  // want to be read, or not, other than before
    std::vector<SessionId>
        half_close;                // everything is sent: say goodbye, and discard what still comes
    std::vector<SessionId> ended;  // close the socket, then Shard::forget()
    std::vector<LookupRequest> lookups;
    std::vector<Forward> forwards;
    std::vector<Announcement> announcements;
    std::vector<Incident> incidents;
};

}  // namespace hpfeeds::core
