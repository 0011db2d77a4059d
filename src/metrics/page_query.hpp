// SPDX-License-Identifier: Apache-2.0
// page_query.hpp: which part of a list is asked for: `limit=50&offset=100&sort=bytes`.
//
// Stateless and without I/O.
//
// Threads  any.    Errors  values: `refusal` is one line that says what is wrong and what is right.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::metrics {

inline constexpr std::size_t page_rows_default = 100;
inline constexpr std::size_t page_rows_max = 1'000;
inline constexpr std::size_t page_offset_max = 1'000'000;

struct PageQuery {
    std::size_t limit = page_rows_default;
    std::size_t offset = 0;
    std::string_view sort;  // one of the words allowed; the first one when nothing is asked for
    std::string refusal;    // empty: all is well
};

// Requires: `sorts` is not empty, and lives as long as the result.
[[nodiscard]] PageQuery parse_page_query(std::string_view query,
                                         std::span<const std::string_view> sorts);

}  // namespace hpfeeds::metrics
