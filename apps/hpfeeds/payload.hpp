// SPDX-License-Identifier: Apache-2.0
// payload.hpp: the bytes to publish, from the command line, a file or standard input.
//
// Errors  hpfeeds::Error that names the file. Nothing is read beyond `bytes_max` + 1 bytes, however
// much there is.
#pragma once

#include "console.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace hpfeeds::cli {

// The words joined by blanks; or, of a single word: `-` is standard input, and an existing regular
// file is its bytes.
[[nodiscard]] std::string payload_of_words(const std::vector<std::string>& words,
                                           std::size_t bytes_max, const Console& console);

// `-` is standard input.
[[nodiscard]] std::string payload_of_file(const std::string& path, std::size_t bytes_max,
                                          const Console& console);

}  // namespace hpfeeds::cli
