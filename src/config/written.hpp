// SPDX-License-Identifier: Apache-2.0
// written.hpp: the configuration that is in effect, as a file for --config that says the same.
//
// Every key stands under its heading of --help, with what it is and where its value is from. What
// nobody set stands behind a #, with its default.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <vector>

namespace hpfeeds::config {

[[nodiscard]] std::string written(const std::vector<Settable>& settable, const Settings& settings);

}  // namespace hpfeeds::config
