// SPDX-License-Identifier: Apache-2.0
#include "core/channel_table.hpp"

#include "core/pattern.hpp"

namespace hpfeeds::core {

ChannelTable::~ChannelTable() {
    const auto destroy = [](Channel& channel) { delete &channel; };
    names_.for_each(destroy);
    patterns_.for_each(destroy);
}

Channel& ChannelTable::find_or_add(std::string_view name) noexcept {
    if (Channel* known = names_.find(name)) return *known;
    auto* added = new Channel(name);
    added->listening_shards = own_bit_;
    added->matched_at = patterns_changed_ - 1;  // never
    names_.insert(added);
    return *added;
}

Channel* ChannelTable::find_listened(std::string_view name) const noexcept {
    return wildcards() && is_pattern(name) ? patterns_.find(name) : names_.find(name);
}

Channel& ChannelTable::find_or_add_listened(std::string_view name) noexcept {
    if (!wildcards() || !is_pattern(name)) return find_or_add(name);
    if (Channel* known = patterns_.find(name)) return *known;
    auto* added = new Channel(name);
    added->pattern = true;
    patterns_.insert(added);
    ++patterns_changed_;
    return *added;
}

void ChannelTable::drop_if_unused(Channel& channel) noexcept {
    if (!channel.subscribers.empty() || other_shards(channel) || channel.uses) return;
    if (channel.pattern) {
        patterns_.erase(&channel);
        ++patterns_changed_;
    } else {
        names_.erase(&channel);
    }
    delete &channel;
}

std::span<Channel* const> ChannelTable::patterns_over(Channel& channel) noexcept {
    if (channel.matched_at != patterns_changed_) {
        channel.patterns.clear();
        match(channel.name, channel.patterns);
        channel.matched_at = patterns_changed_;
    }
    return channel.patterns;
}

std::span<Channel* const> ChannelTable::patterns_over(std::string_view name) noexcept {
    passing_.clear();
    match(name, passing_);
    return passing_;
}

void ChannelTable::match(std::string_view name, std::vector<Channel*>& found) const noexcept {
    if (patterns_.count() == 0) return;
    any_pattern_over(name, [&](std::string_view pattern) {
        if (Channel* listened = patterns_.find(pattern)) found.push_back(listened);
        return false;
    });
}

}  // namespace hpfeeds::core
