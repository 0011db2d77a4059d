// SPDX-License-Identifier: Apache-2.0
// mongo_read_ahead.hpp: a whole collection, read at once and kept for a moment.
//
// A server without an index on `identifier` looks through all documents for each look-up. When
// thousands log in at once that would take minutes; reading everything once answers them all. So it
// is for a store that is slow and asked by several at the same time, and for no other; a collection
// of more than `mongo_read_ahead_max` keys is never read whole.
//
// Threads  any: one reads, the others wait for it.    Errors  what the reader throws.
#pragma once

#include "auth/account_source.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace hpfeeds::auth {

class MongoReadAhead {
public:
    using Clock = std::chrono::steady_clock;
    using Keys = std::unordered_map<std::string, Lookup>;
    using KeysRef = std::shared_ptr<const Keys>;

    // All keys, as they were not longer than `mongo_read_ahead_age` ago. `read` is called when
    // there are none; when it gives nothing, neither does this, and it is left alone for a while.
    [[nodiscard]] KeysRef keys(const std::function<KeysRef()>& read);

private:
    std::mutex mutex_;  // not held while somebody reads
    std::condition_variable done_;
    KeysRef keys_;
    Clock::time_point begun_{};
    Clock::time_point not_before_{};
    bool reading_ = false;
};

}  // namespace hpfeeds::auth
