// SPDX-License-Identifier: Apache-2.0
// failure.hpp: the ways in which a key store cannot tell; labels of a metric, so few and fixed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hpfeeds::auth {

enum class Failure : std::uint8_t {
    store,       // it answers, but what it holds cannot be used: no table, an invalid file
    connection,  // it cannot be reached, or does not let us in
    timeout,     // no answer in time
    row,         // one key of it cannot be read; the others can
    out,         // not asked: an outage is known, and the next attempt is not due
    full,        // not asked: too many look-ups wait for it
};
inline constexpr std::size_t failure_count = 6;

[[nodiscard]] constexpr std::string_view label(Failure failure) noexcept {
    constexpr std::string_view labels[] = {"store", "connection", "timeout", "row", "out", "full"};
    static_assert(sizeof labels / sizeof labels[0] == failure_count);
    return labels[static_cast<std::size_t>(failure)];
}

}  // namespace hpfeeds::auth
