// SPDX-License-Identifier: Apache-2.0
// channel_table.hpp: who listens to a channel here, and which other shards have listeners.
//
// A channel exists while somebody here listens, another shard does, or a publisher remembers it.
//
// With wildcards a pattern (core/pattern.hpp) is an entry of its own: it has listeners like a
// channel, and no publishers. A channel finds the patterns over it by one look-up a dot, and keeps
// what it found until some pattern comes or goes.
//
// Threads  owned by one shard.    Ownership  the table owns its channels; sessions borrow them by
// counted use.
#pragma once

#include "core/name_table.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
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
    // One bit for each other shard that has subscribers. With wildcards a channel has this shard's
    // bit as well: one test says that there is more to a PUBLISH than its local subscribers.
    std::uint64_t listening_shards = 0;
    std::uint32_t uses = 0;  // publishers that remember it, and whoever walks its subscribers
    bool pattern = false;
    std::vector<Channel*> patterns;  // over it, as they were at `matched_at`
    std::uint64_t matched_at = 0;
};

class ChannelTable {
public:
    // `own_shard_bit` with wildcards; 0 without: then every name is a channel's.
    explicit ChannelTable(std::uint64_t own_shard_bit = 0) noexcept : own_bit_(own_shard_bit) {}
    ~ChannelTable();
    ChannelTable(const ChannelTable&) = delete;
    ChannelTable& operator=(const ChannelTable&) = delete;

    [[nodiscard]] bool wildcards() const noexcept { return own_bit_ != 0; }

    // What is published to.
    [[nodiscard]] Channel* find(std::string_view name) const noexcept { return names_.find(name); }
    [[nodiscard]] Channel& find_or_add(std::string_view name) noexcept;
    // What is listened to: a channel, or with wildcards a pattern.
    [[nodiscard]] Channel* find_listened(std::string_view name) const noexcept;
    [[nodiscard]] Channel& find_or_add_listened(std::string_view name) noexcept;
    // Forgets the channel if nobody needs it any more.
    void drop_if_unused(Channel& channel) noexcept;

    // The patterns over a channel that somebody listens to, here or on another shard. Valid until
    // the next call.
    [[nodiscard]] std::span<Channel* const> patterns_over(Channel& channel) noexcept;
    [[nodiscard]] std::span<Channel* const> patterns_over(std::string_view name) noexcept;
    // Other shards that listen to the channel, by whatever pattern.
    [[nodiscard]] std::uint64_t other_shards(const Channel& channel) const noexcept {
        return channel.listening_shards & ~own_bit_;
    }

    [[nodiscard]] std::size_t count() const noexcept { return names_.count(); }
    [[nodiscard]] std::size_t pattern_count() const noexcept { return patterns_.count(); }
    template <typename Visit>
    void for_each(Visit visit) const {
        names_.for_each(visit);
    }

private:
    void match(std::string_view name, std::vector<Channel*>& found) const noexcept;

    NameTable<Channel> names_;
    NameTable<Channel> patterns_;
    std::uint64_t own_bit_;
    std::uint64_t patterns_changed_ = 0;  // how often one came or went
    std::vector<Channel*> passing_;       // over a channel that is not in the table
};

}  // namespace hpfeeds::core
