// SPDX-License-Identifier: Apache-2.0
#include "testing/listed_users.hpp"

#include "core/account.hpp"

#include <memory>

namespace hpfeeds::testing {

ListedUsers::ListedUsers(const std::vector<User>& users) {
    for (const User& user : users) {
        core::Account account;
        account.ident = user.ident;
        account.secret = user.secret;
        account.owner = user.ident;
        account.pubchans = core::ChannelList(user.publish);
        account.subchans = core::ChannelList(user.subscribe);
        accounts_.emplace(user.ident, std::make_shared<const core::Account>(std::move(account)));
    }
}

auth::Lookup ListedUsers::find(std::string_view ident) noexcept {
    const auto known = accounts_.find(ident);
    return known == accounts_.end() ? auth::Lookup::absent() : auth::Lookup::found(known->second);
}

}  // namespace hpfeeds::testing
