// SPDX-License-Identifier: Apache-2.0
#include "config/quantity.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace hpfeeds::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array size_units{
    Unit{"", 1},
    Unit{"K", 1ULL << 10},
    Unit{"KiB", 1ULL << 10},
    Unit{"M", 1ULL << 20},
    Unit{"MiB", 1ULL << 20},
    Unit{"G", 1ULL << 30},
    Unit{"GiB", 1ULL << 30},
};
constexpr std::array duration_units{
    Unit{"", 1'000},
    Unit{"ms", 1},
    Unit{"s", 1'000},
    Unit{"m", 60'000},
};

// A whole number directly followed by one of `units`, multiplied out; at most `most`.
std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units,
                                   std::uint64_t most) noexcept {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [behind, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view unit(behind, static_cast<std::size_t>(end - behind));
    for (const Unit& known : units) {
        if (unit != known.name) continue;
        if (number > most / known.factor) return std::nullopt;
        return number * known.factor;
    }
    return std::nullopt;
}

constexpr Unit plain_number[] = {{"", 1}};

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
    return parse(text, plain_number, std::numeric_limits<std::uint64_t>::max());
}

std::optional<std::size_t> parse_size(std::string_view text) noexcept {
    return parse(text, size_units, std::numeric_limits<std::size_t>::max());
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
    const auto count = parse(text, duration_units, std::numeric_limits<std::int64_t>::max());
    if (!count) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(*count)};
}

std::string size_text(std::size_t bytes) {
    if (bytes == 0) return "0";
    if (bytes % (1ULL << 30) == 0) return std::to_string(bytes >> 30) + "GiB";
    if (bytes % (1ULL << 20) == 0) return std::to_string(bytes >> 20) + "MiB";
    if (bytes % (1ULL << 10) == 0) return std::to_string(bytes >> 10) + "KiB";
    return std::to_string(bytes);
}

std::string duration_text(std::chrono::milliseconds duration) {
    const auto count = duration.count();
    if (count == 0) return "0";
    if (count % 60'000 == 0) return std::to_string(count / 60'000) + "m";
    if (count % 1'000 == 0) return std::to_string(count / 1'000) + "s";
    return std::to_string(count) + "ms";
}

}  // namespace hpfeeds::config
