// SPDX-License-Identifier: Apache-2.0
// channel_table.hpp: who listens to a channel here, and which other shards have listeners.
//
// A channel exists while somebody here listens, another shard does, or a publisher remembers it.
//
// Threads  owned by one shard.    Ownership  the table owns its channels; sessions borrow them by
// counted use.
#pragma once

#include "core/name_table.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::core {

struct Session;
struct Subscription;

struct Channel {
    // The session stands beside its subscription so that fan-out reads this array alone.
    struct Subscriber {
        Session* session;
        Subscription* subscription;
    };

    explicit Channel(std::string_view channel_name) : name(channel_name) {}
    [[nodiscard]] std::string_view key() const noexcept { return name; }

    std::string name;
    std::vector<Subscriber> subscribers;
    std::uint64_t listening_shards = 0;  // one bit for each other shard that has subscribers
    std::uint32_t uses = 0;              // publishers that remember it
};

class ChannelTable {
public:
    ChannelTable() = default;
    ~ChannelTable();
    ChannelTable(const ChannelTable&) = delete;
    ChannelTable& operator=(const ChannelTable&) = delete;

    [[nodiscard]] Channel* find(std::string_view name) const noexcept { return names_.find(name); }
    [[nodiscard]] Channel& find_or_add(std::string_view name) noexcept;
    // Forgets the channel if nobody needs it any more.
    void drop_if_unused(Channel& channel) noexcept;

    [[nodiscard]] std::size_t count() const noexcept { return names_.count(); }
    template <typename Visit>
    void for_each(Visit visit) const {
        names_.for_each(visit);
    }

private:
    NameTable<Channel> names_;
};

}  // namespace hpfeeds::core
