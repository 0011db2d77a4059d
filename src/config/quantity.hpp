// SPDX-License-Identifier: Apache-2.0
// quantity.hpp: numbers with their units, as people type and read them.
//
// Sizes      `65536`, `64K`, `64KiB`, likewise M and G; always multiples of 1024.
// Durations  `10` and `10s` are seconds; `500ms`, `2m`.
//
// Threads  any.    Errors  no value: the text is not a quantity, or does not fit. Nothing rounds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::config {

[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::size_t> parse_size(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(
    std::string_view text) noexcept;

// The shortest form that parses to the same value: "64MiB", "1048581", "10s", "1500ms".
[[nodiscard]] std::string size_text(std::size_t bytes);
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace hpfeeds::config
