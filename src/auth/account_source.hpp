// SPDX-License-Identifier: Apache-2.0
// account_source.hpp: the one question that a broker asks of a key store.
//
// Threads  find() is called by several desk workers at once and may block; never by an I/O thread.
// Sources synchronise
//          themselves (a snapshot pointer, or a connection per thread).
// Errors   find() never throws: what a driver throws ends inside its source as `unavailable`, which
// never grants.
#pragma once

#include "auth/failure.hpp"
#include "core/account.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::auth {

using AccountRef = std::shared_ptr<const core::Account>;

struct Lookup {
    enum class Status { found, absent, unavailable };
    Status status = Status::absent;
    AccountRef account;                // found: never null
    std::string reason;                // unavailable: what failed, for the log; holds no secret
    Failure failure = Failure::store;  // unavailable: in which way
    bool degraded = false;             // found, but a store that is asked earlier could not tell

    [[nodiscard]] static Lookup found(AccountRef account) {
        return {Status::found, std::move(account), {}, {}, false};
    }
    [[nodiscard]] static Lookup absent() { return {}; }
    [[nodiscard]] static Lookup unavailable(std::string reason, Failure failure = Failure::store) {
        return {Status::unavailable, nullptr, std::move(reason), failure, false};
    }
};

// Whose accounts came, changed or went; any ident's may have, when there are too many to name.
struct KeyChanges {
    std::vector<std::string> idents;
    bool any = false;
};
using TellChanges = std::function<void(KeyChanges)>;

class AccountSource {
public:
    virtual ~AccountSource() = default;
    [[nodiscard]] virtual Lookup find(std::string_view ident) noexcept = 0;
    // For somebody who asked at `asked` and has waited since: what the store held then, or later.
    // One that was read since then need not be read again.
    [[nodiscard]] virtual Lookup find_as_of(std::string_view ident,
                                            std::chrono::steady_clock::time_point asked) noexcept {
        (void)asked;
        return find(ident);
    }
    // True when find() only looks into memory. All others get a lane of their own (lane.hpp).
    [[nodiscard]] virtual bool answers_from_memory() const noexcept { return false; }
    // Whether it tells of every change, or never changes. What does not is asked from time to time.
    [[nodiscard]] virtual bool tells_changes() const noexcept { return false; }
    // From now on changes are told to `tell`, on a thread of the source, after find() knows them;
    // to nobody if it is empty, and then no call is under way when this returns. `tell` must not
    // throw.
    virtual void tell_changes_to(TellChanges tell) { (void)tell; }
    // Reads again what find() answers from, although nobody told of a change. Returns what takes it
    // over, or nothing if there is nothing to take over. Throws hpfeeds::Error when it is not valid
    // as a whole; then nothing has changed. One caller at a time.
    [[nodiscard]] virtual std::function<void()> read_again() { return {}; }
    // For logs: "sqlite.db", "env", "users.json". Never holds a secret.
    [[nodiscard]] virtual std::string name() const = 0;
};

}  // namespace hpfeeds::auth
