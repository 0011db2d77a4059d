// SPDX-License-Identifier: Apache-2.0
// secret_input.hpp: secrets that come by a way which nobody else sees: a file, standard input, or
// an environment variable that is named.
//
// Errors  hpfeeds::Error: where the secret should have been, never what was there.
#pragma once

#include <string>

namespace hpfeeds::cli {

// The first line, without its end. `path` names a file, or is `-` for the descriptor `in`.
[[nodiscard]] std::string secret_from_file(const std::string& path, int in);
[[nodiscard]] std::string secret_from_environment(const std::string& variable);

}  // namespace hpfeeds::cli
