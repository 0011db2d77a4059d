// SPDX-License-Identifier: Apache-2.0
// json_accounts.cpp: the text of a key file.
//
// Input   the text. Holds   it is refused as a whole with hpfeeds::Error in one line, or every
// account that came out can log in over this protocol, and no ident comes twice. The quick way,
// JsonKeys, says the same of every text.
#include "auth/json_accounts.hpp"

#include "auth/json_keys.hpp"
#include "auth/limits.hpp"
#include "expect.hpp"
#include "hpfeeds/error.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using hpfeeds::fuzz::expect;
namespace auth = hpfeeds::auth;

void check_channels(const hpfeeds::core::ChannelList& channels) {
    for (const std::string& name : channels.names()) {
        expect(name.size() <= auth::channel_bytes_max, "a channel has at most 255 bytes");
        expect(channels.contains(name), "a list contains its names");
    }
}

void check_quick_way(std::string_view text, const std::vector<hpfeeds::core::Account>* accounts,
                     const std::string& refusal) {
    try {
        const auth::JsonKeys keys{std::string(text)};
        expect(accounts != nullptr, "what is refused is refused by both");
        expect(keys.size() == accounts->size(), "both find as many accounts");
        for (const hpfeeds::core::Account& account : *accounts) {
            const auth::AccountRef found = keys.find(account.ident);
            expect(found != nullptr && *found == account, "both find the same accounts");
        }
    } catch (const hpfeeds::Error& error) {
        expect(accounts == nullptr && error.what() == refusal, "both refuse in the same words");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        std::set<std::string> idents;
        const auto accounts = auth::parse_json_accounts(text);
        for (const auto& account : accounts) {
            expect(idents.insert(account.ident).second, "no two accounts have the same ident");
            expect(account.ident.size() <= auth::ident_bytes_max, "an ident has at most 255 bytes");
            expect(account.secret.size() <= auth::secret_bytes_max, "secrets are bounded");
            check_channels(account.pubchans);
            check_channels(account.subchans);
        }
        check_quick_way(text, &accounts, {});
    } catch (const hpfeeds::Error& error) {
        expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
               "an error is one line");
        check_quick_way(text, nullptr, error.what());
    }
    return 0;
}
