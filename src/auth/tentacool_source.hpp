// SPDX-License-Identifier: Apache-2.0
// tentacool_source.hpp: the key file of the broker Tentacool, a line per key:
//
//   user1;s3cr3t;channel1,channel2;channel22;
//
// Ident, secret, channels to publish, channels to subscribe; blanks around each count for nothing,
// and so does a last semicolon. Tentacool reads no further than the first empty line. Read once, at
// construction, and valid as a whole or not at all. The owner is the ident.
//
// Threads  immutable after construction, so find() needs no lock.
// Errors   hpfeeds::Error: the file, the line, what is wrong with it. Never tells a secret.
#pragma once

#include "auth/listable_source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

// In the order of the text; no two have the same ident.
[[nodiscard]] std::vector<core::Account> parse_tentacool_accounts(std::string_view text);

class TentacoolSource final : public ListableSource {
public:
    explicit TentacoolSource(std::string path);

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] std::string name() const override { return "tentacool:" + path_; }
    [[nodiscard]] std::vector<core::Account> list() override { return accounts_; }

private:
    const std::string path_;
    std::vector<core::Account> accounts_;  // sorted by ident
};

}  // namespace hpfeeds::auth
