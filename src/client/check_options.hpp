// SPDX-License-Identifier: Apache-2.0
// check_options.hpp: refuses options that make no sense, before anything is built from them.
#pragma once

#include "client/connection.hpp"
#include "hpfeeds/options.hpp"

namespace hpfeeds::client {

// Throws hpfeeds::Error, which names the field and says what it may be.
void check_options(const ClientOptions& options);

[[nodiscard]] Destination destination_of(const ClientOptions& options);

}  // namespace hpfeeds::client
