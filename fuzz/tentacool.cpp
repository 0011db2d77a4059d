// SPDX-License-Identifier: Apache-2.0
// tentacool.cpp: the text of a key file of the broker Tentacool.
//
// Input   the text; each * is a secret (hidden.hpp). Holds   it is refused as a whole in one line,
// which tells nothing of a second field; or every account can log in over this protocol, no ident
// comes twice, and the file that says the same is read as the same accounts.
#include "auth/account_rules.hpp"
#include "auth/tentacool_source.hpp"
#include "expect.hpp"
#include "hidden.hpp"
#include "hpfeeds/error.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using hpfeeds::core::Account;
using hpfeeds::fuzz::expect;
namespace auth = hpfeeds::auth;

// Whether what must not be told stands in second fields alone.
bool hides(std::string_view text) {
    std::size_t semicolons = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\n') semicolons = 0;
        if (text[at] == ';') ++semicolons;
        if (text.substr(at).starts_with(hpfeeds::fuzz::hidden) && semicolons != 1) return false;
    }
    return true;
}

std::string joined(const hpfeeds::core::ChannelList& channels) {
    std::string text;
    for (const std::string& name : channels.names())
        text.append(text.empty() ? "" : ",").append(name);
    return text;
}

std::string written(const std::vector<Account>& accounts) {
    std::string text;
    for (const Account& account : accounts)
        text += account.ident + ';' + account.secret + ';' + joined(account.pubchans) + ';' +
                joined(account.subchans) + ";\n";
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string text = hpfeeds::fuzz::with_hidden(input);
    try {
        const std::vector<Account> accounts = auth::parse_tentacool_accounts(text);
        std::set<std::string> idents;
        for (const Account& account : accounts) {
            expect(auth::fault_of(account).empty(), "every account fulfils the rules");
            expect(account.owner == account.ident, "the owner is the ident");
            expect(idents.insert(account.ident).second, "no two accounts have the same ident");
        }
        expect(auth::parse_tentacool_accounts(written(accounts)) == accounts,
               "the file of these accounts says the same");
    } catch (const hpfeeds::Error& error) {
        const std::string_view told = error.what();
        expect(told.find('\n') == std::string_view::npos, "an error is one line");
        expect(!hides(text) || !hpfeeds::fuzz::tells(told), "an error tells no secret");
    }
    return 0;
}
