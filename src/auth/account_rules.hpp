// SPDX-License-Identifier: Apache-2.0
// account_rules.hpp: what every key must fulfil, whichever store holds it.
//
// Threads  any.    Errors  values: an empty text means that nothing is wrong.
#pragma once

#include "core/account.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

// What is wrong with one part: `is empty`, `has 300 bytes, more than the 255 …`. Never tells a
// secret.
[[nodiscard]] std::string fault_of_ident(std::string_view ident);
[[nodiscard]] std::string fault_of_channel(std::string_view channel);

// The first field that breaks a rule and how: `field "secret" is empty: …`.
[[nodiscard]] std::string fault_of(const core::Account& account);

// A table without a column for owners cannot hold one that is not the ident.
[[nodiscard]] std::string fault_of_owner(const core::Account& account);

// A list as stores that keep JSON text hold it. Requires: every name is UTF-8 (see
// fault_of_json_text).
[[nodiscard]] std::string channels_as_json(const core::ChannelList& channels);

// Reads such a list into `out`; tells what is wrong with it, if anything.
[[nodiscard]] std::string read_json_channels(std::string_view json, std::vector<std::string>& out);

// Whether JSON text, which is always UTF-8, can hold the account's channels.
[[nodiscard]] std::string fault_of_json_text(const core::ChannelList& channels,
                                             std::string_view field);

}  // namespace hpfeeds::auth
