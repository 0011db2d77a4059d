// SPDX-License-Identifier: Apache-2.0
// json_scan.hpp: where the entries of a key file are, in one pass over its text and without an
// allocation for each.
//
// Its word counts only when it is yes: then parse_json_accounts() would take the text too, but for
// idents that appear twice, which is for the caller to see. What it does not take may still be
// valid, and why it is not, parse_json_accounts() says (docs/decisions/0021). A test and the fuzz
// target json_accounts compare the two.
//
// Threads  any.    Views  are of the text.    Errors  values.
#pragma once

#include "core/account.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

struct WrittenKey {
    std::string_view ident;  // as it is written, between its quotation marks
    std::string_view entry;  // {"owner": …}
};

// Whether all of the text is sound; its entries, in their order.
[[nodiscard]] bool scan_json_keys(std::string_view text, std::vector<WrittenKey>& out);

// What a JSON string means. Requires: it is from a text that scan_json_keys() took.
[[nodiscard]] std::string meaning_of_json(std::string_view written);

// The account of an entry, for an ident that is what it means. Requires: as above.
[[nodiscard]] core::Account account_of(std::string_view ident, std::string_view entry);

}  // namespace hpfeeds::auth
