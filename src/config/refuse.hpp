// SPDX-License-Identifier: Apache-2.0
// refuse.hpp: how a bad value is told: one line with the flag, the value and the remedy.
#pragma once

#include "hpfeeds/error.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace hpfeeds::config {

// 'value', shortened, with control bytes as \xNN: whatever was typed, the line stays one line.
[[nodiscard]] std::string in_quotes(std::string_view value);

// A value that a flag cannot have. Who knows where it was written can say so in place of the flag.
class Refused : public Error {
public:
    Refused(std::string flag, std::string value, const std::string& why)
        : Error(flag + " " + in_quotes(value) + ": " + why),
          flag_(std::move(flag)),
          value_(std::move(value)),
          why_(why) {}

    [[nodiscard]] const std::string& flag() const noexcept { return flag_; }  // with its dashes
    [[nodiscard]] const std::string& value() const noexcept { return value_; }
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

private:
    std::string flag_;
    std::string value_;
    std::string why_;
};

// Two flags whose values are fine, each for itself, and do not fit each other.
class Unfit : public Error {
public:
    Unfit(std::string first, std::string second, const std::string& why)
        : Error(why), flags_{std::move(first), std::move(second)} {}

    [[nodiscard]] const std::array<std::string, 2>& flags() const noexcept { return flags_; }

private:
    std::array<std::string, 2> flags_;  // with their dashes
};

// Throws Refused: `--flag 'value': why`.
[[noreturn]] void refuse(std::string_view flag, std::string_view value, std::string_view why);

}  // namespace hpfeeds::config
