// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_read_ahead.hpp"

#include "auth/limits.hpp"

#include <utility>

namespace hpfeeds::auth {

MongoReadAhead::KeysRef MongoReadAhead::keys(const std::function<KeysRef()>& read) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return !reading_; });
    const Clock::time_point now = Clock::now();
    if (keys_ && now - begun_ <= mongo_read_ahead_age) return keys_;
    keys_.reset();
    if (now < not_before_) return nullptr;

    reading_ = true;
    lock.unlock();
    KeysRef fresh = read();
    lock.lock();
    reading_ = false;
    begun_ = now;
    if (!fresh) not_before_ = Clock::now() + mongo_read_ahead_pause;
    keys_ = std::move(fresh);
    done_.notify_all();
    return keys_;
}

}  // namespace hpfeeds::auth
