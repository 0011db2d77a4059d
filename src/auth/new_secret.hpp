// SPDX-License-Identifier: Apache-2.0
// new_secret.hpp: a secret that nobody guesses.
#pragma once

#include <string>

namespace hpfeeds::auth {

// 32 characters of A-Z, a-z, 0-9, - and _ that carry over 191 random bits from the system; safe in
// URLs, shells and JSON. Throws hpfeeds::Error when the system has no randomness to give.
[[nodiscard]] std::string new_secret();

}  // namespace hpfeeds::auth
