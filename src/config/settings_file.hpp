// SPDX-License-Identifier: Apache-2.0
// settings_file.hpp: the text of a configuration file, as keys and values that know their lines.
//
// The text is TOML 1.0, of which a broker needs little: `key = value` lines, where a value is text
// in single or double quotes, a whole number, true or false, or a list of texts, which may go on
// over several lines. Whatever is accepted means the same to every other reader of TOML; tables,
// dotted keys, dates, fractions and text of several lines are refused.
//
// What the keys are called and what their values mean is not known here (sources.hpp).
//
// Threads  any.    Errors  hpfeeds::Error: `FILE:LINE: what is wrong; what to write`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::config {

struct FileValue {
    enum class Type { text, number, yes_no };
    Type type = Type::text;
    std::string text;  // without quotes and escapes; of a number its digits; true or false
    std::size_t line = 0;
};

struct FileSetting {
    std::string key;
    std::size_t line = 0;
    bool list = false;              // written in brackets
    std::vector<FileValue> values;  // one, unless it is a list
};

// `name` is what messages call the file. A key that occurs twice is refused.
[[nodiscard]] std::vector<FileSetting> parse_settings(std::string_view text, std::string_view name);

// Reads the file and parses it. Without `again` it may be a pipe (`<(…)` of a shell), whose content
// is gone afterwards; with it, only what can be read once more.
[[nodiscard]] std::vector<FileSetting> read_settings(const std::string& path, bool again = false);

// `text` as TOML writes it, in double quotes, or in single ones where those spare escapes.
[[nodiscard]] std::string toml_text(std::string_view text);

// Whether the bytes are UTF-8, as all TOML is.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace hpfeeds::config
