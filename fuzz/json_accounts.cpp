// SPDX-License-Identifier: Apache-2.0
// json_accounts.cpp: the text of a key file.
//
// Input   the text. Holds   it is refused as a whole with hpfeeds::Error in one line, or every
// account that came out can log in over this protocol, and no ident comes twice.
#include "auth/json_accounts.hpp"

#include "auth/limits.hpp"
#include "expect.hpp"
#include "hpfeeds/error.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace {

using hpfeeds::fuzz::expect;
namespace auth = hpfeeds::auth;

void check_channels(const hpfeeds::core::ChannelList& channels) {
    for (const std::string& name : channels.names()) {
        expect(name.size() <= auth::channel_bytes_max, "a channel has at most 255 bytes");
        expect(channels.contains(name), "a list contains its names");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        std::set<std::string> idents;
        for (const auto& account : auth::parse_json_accounts(text)) {
            expect(idents.insert(account.ident).second, "no two accounts have the same ident");
            expect(account.ident.size() <= auth::ident_bytes_max, "an ident has at most 255 bytes");
            expect(account.secret.size() <= auth::secret_bytes_max, "secrets are bounded");
            check_channels(account.pubchans);
            check_channels(account.subchans);
        }
    } catch (const hpfeeds::Error& error) {
        expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
               "an error is one line");
    }
    return 0;
}
