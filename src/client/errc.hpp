// SPDX-License-Identifier: Apache-2.0
// errc.hpp: the public error values under the names of this room, and what a broker's ERROR means.
#pragma once

#include "hpfeeds/error.hpp"

#include <string_view>

namespace hpfeeds::client {

using hpfeeds::Errc;
using hpfeeds::error_category;
using hpfeeds::make_error_code;

// Which refusal the text of an ERROR tells of. Brokers have no codes, so the wording decides: that
// of the Python broker and of ours, and the words that others use. Unknown wording is
// Errc::refused.
[[nodiscard]] Errc refusal_of(std::string_view text) noexcept;

// The channel that a refusal names ("… chan=CHAN"); empty when it names none.
[[nodiscard]] std::string_view refused_channel(std::string_view text) noexcept;

}  // namespace hpfeeds::client
