// SPDX-License-Identifier: Apache-2.0
// account.hpp: who may do what.
//
// An Account is built once by a store, then shared and never changed: sessions hold the snapshot
// they logged in with. Threads  immutable after construction, so any thread may read.    Bytes  all
// text is raw bytes (client-quirk 17).
#pragma once

#include <cstddef>
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
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

private:
    std::vector<std::string> names_;
};

struct Account {
    std::string ident;
    std::string secret;
    std::string owner;
    ChannelList pubchans;
    ChannelList subchans;
};

}  // namespace hpfeeds::core
