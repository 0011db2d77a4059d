// SPDX-License-Identifier: Apache-2.0
// open_mode.hpp: what to do when the file of a store is not there.
#pragma once

#include <cstdint>

namespace hpfeeds::auth {

enum class Missing : std::uint8_t { create, refuse };

}  // namespace hpfeeds::auth
