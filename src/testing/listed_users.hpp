// SPDX-License-Identifier: Apache-2.0
// listed_users.hpp: a key store that is a list in the program.
//
// Threads  immutable after construction, so any thread may ask.
#pragma once

#include "auth/account_source.hpp"
#include "hpfeeds/testing.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::testing {

class ListedUsers : public auth::AccountSource {
public:
    // An ident that is listed twice keeps its first entry.
    explicit ListedUsers(const std::vector<User>& users);
    [[nodiscard]] auth::Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] std::string name() const override { return "users of the test"; }

private:
    std::map<std::string, auth::AccountRef, std::less<>> accounts_;
};

}  // namespace hpfeeds::testing
