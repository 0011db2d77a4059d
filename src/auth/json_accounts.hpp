// SPDX-License-Identifier: Apache-2.0
// json_accounts.hpp: the text of a key file, `{"IDENT": {"owner", "secret", "pubchans",
// "subchans"}, …}`.
//
// Valid as a whole or not at all. Fields that we do not know are skipped, whatever they hold. A
// JSON string's UTF-8 bytes are the bytes of the ident, secret or channel.
//
// Threads  any.    Errors  hpfeeds::Error: line and column, or the entry and the field, and why.
// Never holds a secret.
#pragma once

#include "core/account.hpp"

#include <string_view>
#include <vector>

namespace hpfeeds::auth {

// In the order of the text; no two have the same ident.
[[nodiscard]] std::vector<core::Account> parse_json_accounts(std::string_view text);

}  // namespace hpfeeds::auth
