// SPDX-License-Identifier: Apache-2.0
// account_store.hpp: a source whose keys can also be managed; what `hpfeeds user` works on.
//
// Threads  one caller at a time.
// Errors   every call but find() throws hpfeeds::Error with the store, the field and the remedy.
#pragma once

#include "auth/listable_source.hpp"

#include <string>
#include <string_view>

namespace hpfeeds::auth {

class AccountStore : public ListableSource {
public:
    // What put() would refuse in the account, whatever the store holds; empty: nothing.
    [[nodiscard]] virtual std::string fault_in(const core::Account& account) const = 0;
    // Adds the account, or replaces the one with its ident; at once or not at all.
    virtual void put(const core::Account& account) = 0;
    // False when there was none.
    virtual bool remove(std::string_view ident) = 0;
};

}  // namespace hpfeeds::auth
