// SPDX-License-Identifier: Apache-2.0
// key_row.cpp: a row of a table of keys, whoever wrote it.
//
// Input   a bit per column that is NULL, then the columns' texts, between bytes 0xff. Holds   what
// is wrong is said in one line, the same whatever the secret is; or the account's lists are
// bounded, each row gives what it holds, and the row that we would write for it says the same.
#include "auth/key_row.hpp"

#include "auth/account_rules.hpp"
#include "auth/limits.hpp"
#include "expect.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace {

using hpfeeds::fuzz::expect;
namespace auth = hpfeeds::auth;
using hpfeeds::core::Account;

auth::KeyRow row_of(unsigned nulls, std::string_view text) {
    auth::KeyRow row;
    for (std::optional<std::string>* column :
         {&row.owner, &row.ident, &row.secret, &row.pubchans, &row.subchans}) {
        const std::size_t end = std::min(text.find('\xff'), text.size());
        if ((nulls & 1) == 0) *column = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        nulls >>= 1;
    }
    return row;
}

void check_lists(const Account& account) {
    for (const auto* channels : {&account.pubchans, &account.subchans})
        expect(channels->names().size() <= auth::channels_max, "lists are bounded");
    Account again;
    const std::string fault = auth::read_key_row(
        {account.owner, account.ident, account.secret, auth::channels_as_json(account.pubchans),
         auth::channels_as_json(account.subchans)},
        auth::auth_keys_columns, again);
    expect(fault.empty() && again == account, "the row of an account says what the account says");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auth::KeyRow row = row_of(data[0], text);
    Account account;
    const std::string fault = auth::read_key_row(row, auth::auth_keys_columns, account);
    expect(account.ident == row.ident.value_or(""), "an ident is taken as it is");
    expect(account.owner == row.owner.value_or(account.ident), "nobody else is the owner");
    expect(fault.find('\n') == std::string::npos, "a fault is one line");
    if (fault.empty()) check_lists(account);
    if (account.secret.empty()) {
        expect(!fault.empty(), "a row without a secret lets nobody in");
        return 0;
    }
    auth::KeyRow other = row;
    other.secret = "another one";
    Account ignored;
    expect(auth::read_key_row(other, auth::auth_keys_columns, ignored) == fault,
           "a fault says nothing of the secret");
    return 0;
}
