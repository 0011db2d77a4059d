// SPDX-License-Identifier: Apache-2.0
#include "core/account.hpp"

#include "core/pattern.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::core {

ChannelList::ChannelList(std::vector<std::string> names) : names_(std::move(names)) {
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    names_.shrink_to_fit();
}

bool ChannelList::contains(std::string_view channel) const noexcept {
    return std::binary_search(names_.begin(), names_.end(), channel);
}

bool ChannelList::covers(std::string_view name) const noexcept {
    return contains(name) ||
           any_pattern_over(name, [this](std::string_view pattern) { return contains(pattern); });
}

}  // namespace hpfeeds::core
