// SPDX-License-Identifier: Apache-2.0
// live_keys.hpp: the idents that are logged in on a shard, their sessions, and whose turn it is to
// be looked up again.
//
//   called ──┐
//   (front)  ├─ begin() ──> asked ── answered() ──> waiting (back), or called if it changed
//   meanwhile waiting ─┘
//
// One list holds whom nobody asks for at the moment: the called ones first, then the others in the
// order in which they were asked for last.
//
// Threads    owned by one shard.
// Ownership  owns its keys; a key lives while it has sessions, which it borrows.
// Memory     64 bytes and a place in a table for an ident, three pointers for a session.
// Limits     core/limits.hpp: rechecks_outstanding_max under way, one for an ident.
#pragma once

#include "core/limits.hpp"
#include "core/session.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hpfeeds::core {

struct LiveKey {
    Session* first = nullptr;     // never null while the key is in the table
    LiveKey* previous = nullptr;  // in the list, unless it is asked for
    LiveKey* next = nullptr;
    Instant waits_since{};           // its login, or its last answer
    std::uint8_t place = not_asked;  // of its look-up under way
    bool changed_meanwhile = false;  // called while it was asked for
    bool same_account = true;        // all its sessions hold one snapshot
    bool unsettled = false;          // the last look-up was not answered

    static constexpr std::uint8_t not_asked = 0xFF;
    static_assert(rechecks_outstanding_max < not_asked);

    [[nodiscard]] std::string_view key() const noexcept { return first->account->ident; }
};

class LiveKeys {
public:
    LiveKeys() = default;
    ~LiveKeys();
    LiveKeys(const LiveKeys&) = delete;
    LiveKeys& operator=(const LiveKeys&) = delete;

    // The session is logged in: among the sessions of its account's ident from now on.
    LiveKey& attach(Session& session, Instant now) noexcept;
    // It is not any more, or gets another ident. Nothing happens to a session that is not attached.
    void detach(Session& session) noexcept;

    // To be asked for as soon as there is room.
    void call(LiveKey& key) noexcept;
    void call(std::string_view ident) noexcept {
        if (LiveKey* key = table_.find(ident)) call(*key);
    }
    void call_all() noexcept;

    // Whose turn it is; null when everybody is asked for, or as many as may be.
    [[nodiscard]] LiveKey* next_turn() const noexcept;
    // Takes it out of the list; what it returns is the look-up's ticket. Requires: it is
    // next_turn().
    [[nodiscard]] SessionId begin(LiveKey& key) noexcept;
    // Puts it back into the list. Null when its sessions have left meanwhile.
    [[nodiscard]] LiveKey* answered(SessionId ticket, Instant now) noexcept;

    void set_unsettled(LiveKey& key, bool unsettled) noexcept;

    [[nodiscard]] std::size_t count() const noexcept { return table_.count(); }
    [[nodiscard]] std::size_t called() const noexcept { return called_; }
    [[nodiscard]] std::size_t unsettled() const noexcept { return unsettled_; }

private:
    struct Place {
        LiveKey* key = nullptr;
        std::uint32_t generation = 0;
        bool taken = false;  // also when its key is gone: the answer is still to come
    };
    void push_front(LiveKey& key) noexcept;
    void push_back(LiveKey& key) noexcept;
    void unlink(LiveKey& key) noexcept;

    NameTable<LiveKey> table_;
    LiveKey* front_ = nullptr;
    LiveKey* back_ = nullptr;
    std::size_t listed_ = 0;
    std::size_t called_ = 0;  // so many of them, from the front, are asked for at once
    std::size_t unsettled_ = 0;
    std::size_t asked_ = 0;
    std::array<Place, rechecks_outstanding_max> places_{};
};

}  // namespace hpfeeds::core
