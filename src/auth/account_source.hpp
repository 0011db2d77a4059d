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

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace hpfeeds::auth {

using AccountRef = std::shared_ptr<const core::Account>;

struct Lookup {
    enum class Status { found, absent, unavailable };
    Status status = Status::absent;
    AccountRef account;                // found: never null
    std::string reason;                // unavailable: what failed, for the log; holds no secret
    Failure failure = Failure::store;  // unavailable: in which way

    [[nodiscard]] static Lookup found(AccountRef account) {
        return {Status::found, std::move(account), {}, {}};
    }
    [[nodiscard]] static Lookup absent() { return {}; }
    [[nodiscard]] static Lookup unavailable(std::string reason, Failure failure = Failure::store) {
        return {Status::unavailable, nullptr, std::move(reason), failure};
    }
};

class AccountSource {
public:
    virtual ~AccountSource() = default;
    [[nodiscard]] virtual Lookup find(std::string_view ident) noexcept = 0;
    // True when find() only looks into memory. All others get a lane of their own (lane.hpp).
    [[nodiscard]] virtual bool answers_from_memory() const noexcept { return false; }
    // For logs: "sqlite.db", "env", "users.json". Never holds a secret.
    [[nodiscard]] virtual std::string name() const = 0;
};

}  // namespace hpfeeds::auth
