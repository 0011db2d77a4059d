// SPDX-License-Identifier: Apache-2.0
// line.hpp: one event as one line of text or of JSON.
//
// Text  `2026-11-24T03:10:33.123Z warning authentication refused peer=10.0.0.1:4242 reason="no such
// ident"`. A value is
//       quoted when it is empty or holds a blank, a quote, a `=`, a backslash or anything escaped.
//       Inside the quotes
//       `\"` and `\\` stand for themselves, and `\xNN` for one byte.
// JSON  {"time":…,"level":…,"event":…} and the fields, each a string. Always valid UTF-8: a byte
// that is not part of
//       valid UTF-8 is the four characters `\xNN` once the JSON is decoded, and a backslash before
//       an `x` is `\x5c`, so that the two cannot be confused. Control characters are JSON's own
//       `\u00NN`.
// Both  values longer than value_bytes_max are cut at a character and end in `…(N bytes)`, N being
// the true length.
//
// Threads  any.    Errors  none: every byte string has a line.
#pragma once

#include "log/log.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::log {

using Moment = std::chrono::system_clock::time_point;

// "debug", "info", "warning", "error".
[[nodiscard]] std::string_view name(Level level) noexcept;

// Without the line's end.
[[nodiscard]] std::string format_text(Moment moment, Level level, std::string_view event,
                                      std::span<const Field> fields);
[[nodiscard]] std::string format_json(Moment moment, Level level, std::string_view event,
                                      std::span<const Field> fields);

}  // namespace hpfeeds::log
