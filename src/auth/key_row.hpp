// SPDX-License-Identifier: Apache-2.0
// key_row.hpp: a key as tables hold it: five texts that may be NULL, two of them JSON lists.
//
// Threads  any.    Errors  values: an empty text means that nothing is wrong.
#pragma once

#include "core/account.hpp"

#include <optional>
#include <string>

namespace hpfeeds::auth {

struct KeyRow {
    std::optional<std::string> owner, ident, secret, pubchans, subchans;
};

// What a table calls its columns, for complaints.
struct KeyColumns {
    const char* table;
    const char* secret;
    const char* pubchans;
    const char* subchans;
};
inline constexpr KeyColumns authkeys_columns{"authkeys", "secret", "pubchans", "subchans"};
inline constexpr KeyColumns auth_keys_columns{"auth_keys", "secret", "publish", "subscribe"};

// What is wrong with the row, if anything: `table auth_keys, row of "bob": column publish is not
// …`; else `account` is what it says. A NULL owner is the ident; a list that is NULL, or JSON's
// null, is empty; a row without a secret lets nobody in.
[[nodiscard]] std::string read_key_row(KeyRow row, const KeyColumns& columns,
                                       core::Account& account);

}  // namespace hpfeeds::auth
