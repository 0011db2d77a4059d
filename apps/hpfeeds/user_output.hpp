// SPDX-License-Identifier: Apache-2.0
// user_output.hpp: accounts as a person or a script reads them. Names may hold any bytes, so a
// person sees them escaped; in JSON what is not UTF-8 stands under its key with `_base64` behind
// it.
#pragma once

#include "core/account.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::cli {

enum class Secret : std::uint8_t { hidden, shown };

// One account, a field a line.
[[nodiscard]] std::string user_text(const core::Account& account, Secret secret);
// {"ident", "owner", "pubchans", "subchans"} and, when shown, "secret".
[[nodiscard]] std::string user_json(const core::Account& account, Secret secret);
// Never any secret.
[[nodiscard]] std::string users_table(const std::vector<core::Account>& accounts);
[[nodiscard]] std::string users_json(const std::vector<core::Account>& accounts);
[[nodiscard]] std::string removed_json(std::string_view ident);

}  // namespace hpfeeds::cli
