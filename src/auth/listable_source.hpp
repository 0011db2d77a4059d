// SPDX-License-Identifier: Apache-2.0
// listable_source.hpp: a source that can tell all that it holds; what `hpfeeds user copy` reads.
//
// Threads  list(): one caller at a time.
// Errors   list() throws hpfeeds::Error with the store, the field and the remedy.
#pragma once

#include "auth/account_source.hpp"

#include <vector>

namespace hpfeeds::auth {

class ListableSource : public AccountSource {
public:
    // All accounts, sorted by ident.
    [[nodiscard]] virtual std::vector<core::Account> list() = 0;
};

}  // namespace hpfeeds::auth
