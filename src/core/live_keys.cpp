// SPDX-License-Identifier: Apache-2.0
#include "core/live_keys.hpp"

#include <algorithm>
#include <cassert>

namespace hpfeeds::core {

LiveKeys::~LiveKeys() {
    table_.for_each([](LiveKey& key) { delete &key; });
}

LiveKey& LiveKeys::attach(Session& session, Instant now) noexcept {
    assert(!session.live_key);
    LiveKey* key = table_.find(session.account->ident);
    if (!key) {
        key = new LiveKey;
        key->first = &session;
        key->waits_since = now;
        table_.insert(key);
        push_back(*key);
    } else {
        // Behind the first, so that the key's name stays where it is.
        session.live_previous = key->first;
        session.live_next = key->first->live_next;
        key->first->live_next = &session;
        if (session.live_next) session.live_next->live_previous = &session;
    }
    session.live_key = key;
    return *key;
}

void LiveKeys::detach(Session& session) noexcept {
    LiveKey* const key = session.live_key;
    if (!key) return;
    const bool last = !session.live_previous && !session.live_next;
    if (last) table_.erase(key);  // while it has a name
    if (session.live_previous)
        session.live_previous->live_next = session.live_next;
    else
        key->first = session.live_next;
    if (session.live_next) session.live_next->live_previous = session.live_previous;
    session.live_key = nullptr;
    session.live_previous = session.live_next = nullptr;
    if (!last) return;
    set_unsettled(*key, false);
    if (key->place == LiveKey::not_asked)
        unlink(*key);
    else
        places_[key->place].key = nullptr;
    delete key;
}

void LiveKeys::call(LiveKey& key) noexcept {
    if (key.place != LiveKey::not_asked) {
        key.changed_meanwhile = true;
        return;
    }
    unlink(key);
    push_front(key);
    // Called twice, it takes somebody else's turn with it: that one is asked for early.
    called_ = std::min(called_ + 1, listed_);
}

void LiveKeys::call_all() noexcept {
    called_ = listed_;
    for (Place& place : places_)
        if (place.key) place.key->changed_meanwhile = true;
}

LiveKey* LiveKeys::next_turn() const noexcept {
    return asked_ < places_.size() ? front_ : nullptr;
}

SessionId LiveKeys::begin(LiveKey& key) noexcept {
    if (called_ > 0) --called_;
    unlink(key);
    std::uint8_t index = 0;
    while (places_[index].taken)
        ++index;
    Place& place = places_[index];
    place.key = &key;
    place.taken = true;
    ++asked_;
    key.place = index;
    key.changed_meanwhile = false;
    return {index, place.generation};
}

LiveKey* LiveKeys::answered(SessionId ticket, Instant now) noexcept {
    if (ticket.index >= places_.size()) return nullptr;
    Place& place = places_[ticket.index];
    if (!place.taken || place.generation != ticket.generation) return nullptr;
    LiveKey* const key = place.key;
    place = {nullptr, place.generation + 1, false};
    --asked_;
    if (!key) return nullptr;
    key->place = LiveKey::not_asked;
    key->waits_since = now;
    if (key->changed_meanwhile) {
        push_front(*key);
        ++called_;
    } else {
        push_back(*key);
    }
    return key;
}

void LiveKeys::set_unsettled(LiveKey& key, bool unsettled) noexcept {
    if (key.unsettled == unsettled) return;
    key.unsettled = unsettled;
    unsettled ? ++unsettled_ : --unsettled_;
}

void LiveKeys::push_front(LiveKey& key) noexcept {
    key.previous = nullptr;
    key.next = front_;
    (front_ ? front_->previous : back_) = &key;
    front_ = &key;
    ++listed_;
}

void LiveKeys::push_back(LiveKey& key) noexcept {
    key.next = nullptr;
    key.previous = back_;
    (back_ ? back_->next : front_) = &key;
    back_ = &key;
    ++listed_;
}

void LiveKeys::unlink(LiveKey& key) noexcept {
    (key.previous ? key.previous->next : front_) = key.next;
    (key.next ? key.next->previous : back_) = key.previous;
    key.previous = key.next = nullptr;
    --listed_;
    called_ = std::min(called_, listed_);
}

}  // namespace hpfeeds::core
