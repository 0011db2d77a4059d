// SPDX-License-Identifier: Apache-2.0
#include "core/channel_table.hpp"

namespace hpfeeds::core {

ChannelTable::~ChannelTable() {
    names_.for_each([](Channel& channel) { delete &channel; });
}

Channel& ChannelTable::find_or_add(std::string_view name) noexcept {
    if (Channel* known = names_.find(name)) return *known;
    auto* added = new Channel(name);
    names_.insert(added);
    return *added;
}

void ChannelTable::drop_if_unused(Channel& channel) noexcept {
    if (!channel.subscribers.empty() || channel.listening_shards || channel.uses) return;
    names_.erase(&channel);
    delete &channel;
}

}  // namespace hpfeeds::core
