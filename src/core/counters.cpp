// SPDX-License-Identifier: Apache-2.0
#include "core/counters.hpp"

#include "core/limits.hpp"

namespace hpfeeds::core {
namespace {

// Two names as one key: their lengths differ where the names could run together.
std::string key_of(std::string_view first, std::string_view second) {
    std::string key;
    key.reserve(first.size() + second.size() + 1);
    key.push_back(static_cast<char>(first.size()));
    key.append(first).append(second);
    return key;
}

template <typename Entry>
void publish(std::atomic<const Entry*>& head, Entry& entry) {
    entry.next = head.load(std::memory_order_relaxed);
    head.store(&entry, std::memory_order_release);
}

template <typename Entry>
void destroy(const Entry* entry) {
    while (entry) {
        const Entry* next = entry->next;
        delete entry;
        entry = next;
    }
}

}  // namespace

CounterBook::~CounterBook() {
    destroy(idents_.load(std::memory_order_relaxed));
    destroy(channels_.load(std::memory_order_relaxed));
}

IdentCounters& CounterBook::add_ident(std::string key, std::string_view ident,
                                      std::string_view owner) noexcept {
    auto* entry = new IdentCounters;
    entry->ident = ident;
    entry->owner = owner;
    ident_index_.emplace(std::move(key), entry);
    publish(idents_, *entry);
    return *entry;
}

IdentCounters& CounterBook::ident(std::string_view ident, std::string_view owner) noexcept {
    std::string key = key_of(ident, owner);
    if (const auto known = ident_index_.find(key); known != ident_index_.end())
        return *known->second;
    if (ident_index_.size() < counted_idents_max && admits(&CountedNames::idents, key))
        return add_ident(std::move(key), ident, owner);
    key = key_of(other_label, other_label);
    if (const auto known = ident_index_.find(key); known != ident_index_.end())
        return *known->second;
    return add_ident(std::move(key), other_label, other_label);
}

bool CounterBook::admits(NameSet CountedNames::*among, std::string_view key) noexcept {
    return !names_ || (names_->*among).admit(keyed_hash(hash_key_, key));
}

IdentCounters& CounterBook::stranger(std::string_view ident) noexcept {
    std::string key = key_of(ident, {});
    if (const auto known = ident_index_.find(key); known != ident_index_.end())
        return *known->second;
    if (strangers_ < counted_strangers_max && ident_index_.size() < counted_idents_max &&
        admits(&CountedNames::strangers, key) && admits(&CountedNames::idents, key)) {
        ++strangers_;
        return add_ident(std::move(key), ident, {});
    }
    return this->ident(other_label, other_label);
}

ChannelCounters& CounterBook::channel(std::string_view ident, std::string_view channel,
                                      bool listed) noexcept {
    std::string key = key_of(ident, channel);
    if (const auto known = channel_index_.find(key); known != channel_index_.end())
        return *known->second;
    const bool full = channel_index_.size() >= counted_channels_max ||
                      (!listed && unlisted_channels_ >= counted_unlisted_channels_max) ||
                      (!listed && !admits(&CountedNames::unlisted_channels, key)) ||
                      !admits(&CountedNames::channels, key);
    if (!full && !listed) ++unlisted_channels_;
    if (full) {
        key = key_of(other_label, other_label);
        ident = channel = other_label;
        if (const auto known = channel_index_.find(key); known != channel_index_.end())
            return *known->second;
    }
    auto* entry = new ChannelCounters;
    entry->ident = ident;
    entry->channel = channel;
    channel_index_.emplace(std::move(key), entry);
    publish(channels_, *entry);
    return *entry;
}

}  // namespace hpfeeds::core
