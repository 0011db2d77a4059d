// SPDX-License-Identifier: Apache-2.0
// top_screen.hpp: a view as lines of text. No I/O, no terminal codes.
//
// Names come from strangers: none of their bytes can be a control character here
// (hpfeeds/text.hpp).
//
// Units    width and height in characters.
// Threads  any.    Errors  none.
#pragma once

#include "top_rates.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::cli::top_view {

struct Screen {
    std::size_t width = 80;
    std::size_t height = 24;  // 0: as many lines as there are rows
};
struct Circumstances {
    std::string exporter{};  // "localhost:9431"
    Order order = Order::traffic;
    bool paused = false;
    bool keys = false;      // whether there is a keyboard to mention
    std::string trouble{};  // why there is nothing newer; empty: all is well
};
// At most `height` lines of at most `width` characters.
[[nodiscard]] std::vector<std::string> lines_of(const View& view, const Circumstances& now,
                                                Screen screen);

// "1.2M": four characters or fewer up to 999 P, with powers of 1000. "-" for a rate that is not
// known.
[[nodiscard]] std::string short_number(double number);
// The text made harmless and exactly `width` characters wide; cut with an ellipsis.
[[nodiscard]] std::string cell(std::string_view text, std::size_t width);
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace hpfeeds::cli::top_view
