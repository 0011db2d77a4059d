// SPDX-License-Identifier: Apache-2.0
// known_keys.hpp: accounts as one connection to a key store read them, so that a storm of logins
// need not read and parse the same rows again, and sessions of one key share one account.
//
// Who keeps them says when they are out of date, and forgets them then.
//
// Threads  one at a time.    Bounds  known_keys_max accounts, of known_keys_bytes_max in rows; when
// the next one does not fit, all are forgotten.
#pragma once

#include "auth/account_source.hpp"
#include "auth/limits.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace hpfeeds::auth {

class KnownKeys {
public:
    using Clock = std::chrono::steady_clock;
    struct Entry {
        AccountRef account;
        Clock::time_point read_at;  // before the row was read
    };

    // Nothing when it is not known. Valid until the next call of another function.
    [[nodiscard]] const Entry* find(std::string_view ident) const {
        const auto found = entries_.find(ident);
        return found == entries_.end() ? nullptr : &found->second;
    }
    // `row_bytes`: how long its row was.
    void keep(std::string_view ident, Entry entry, std::size_t row_bytes) {
        if (row_bytes > known_keys_bytes_max) return;
        if (entries_.size() >= known_keys_max || bytes_ + row_bytes > known_keys_bytes_max)
            forget_all();
        if (entries_.insert_or_assign(std::string(ident), std::move(entry)).second)
            bytes_ += row_bytes;
    }
    void forget_all() noexcept {
        entries_.clear();
        bytes_ = 0;
    }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
    std::size_t bytes_ = 0;  // of the rows they came from
};

}  // namespace hpfeeds::auth
