// SPDX-License-Identifier: Apache-2.0
// log_line.hpp: one line of the broker's log, in either format, as an event and its fields.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::support {

struct LogLine {
    std::string text;   // the whole line
    std::string head;   // text format: all before the first field (time, level, event)
    std::string level;  // json format only
    std::string event;  // json format only
    std::map<std::string, std::string> fields;  // values without quotes and escapes

    // The field's value, or an empty text.
    [[nodiscard]] std::string field(const std::string& key) const;
};

// `… event words key=value key="a value"`; never fails.
[[nodiscard]] LogLine parse_text_line(std::string_view line);
// Nothing when the line is not one JSON object.
[[nodiscard]] std::optional<LogLine> parse_json_line(std::string_view line);

}  // namespace hpfeeds::support
