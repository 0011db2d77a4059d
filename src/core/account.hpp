// SPDX-License-Identifier: Apache-2.0
// account.hpp: who may do what.
//
// An Account is built once by a store, then shared and never changed: sessions hold the snapshot
// that was true when their key was last looked up (core/shard_live.cpp).
//
// Threads  immutable after construction, so any thread may read.    Bytes  all text is raw bytes
// (client-quirk 17).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::core {

// The channels of one direction: a sorted list without repetitions.
class ChannelList {
public:
    ChannelList() = default;
    explicit ChannelList(std::vector<std::string> names);

    [[nodiscard]] bool contains(std::string_view channel) const noexcept;
    // Whether it contains the channel, or a pattern over it (core/pattern.hpp). Of a pattern:
    // whether it contains that one, or a broader one.
    [[nodiscard]] bool covers(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
    bool operator==(const ChannelList&) const = default;

private:
    std::vector<std::string> names_;
};

struct Account {
    std::string ident;
    std::string secret;
    std::string owner;
    ChannelList pubchans;
    ChannelList subchans;
    bool operator==(const Account&) const = default;
};

// What an endpoint lets its connections do, whatever their keys grant; both must allow it.
struct EndpointRights {
    bool publish = true;
    bool subscribe = true;
    bool operator==(const EndpointRights&) const = default;
};

// What the key stores are asked for: a login that waits for its verdict, or whether the key of
// sessions that are logged in is still what it was.
enum class Purpose : std::uint8_t { login, recheck };

}  // namespace hpfeeds::core
