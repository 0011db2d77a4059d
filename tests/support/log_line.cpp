// SPDX-License-Identifier: Apache-2.0
#include "support/log_line.hpp"

#include <nlohmann/json.hpp>

#include <cctype>

namespace hpfeeds::support {
namespace {

bool is_word(char byte) {
    return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

// Where the first ` key=` begins, from `start` on.
std::size_t find_field(std::string_view line, std::size_t start) {
    for (std::size_t blank = line.find(' ', start); blank != std::string_view::npos;
         blank = line.find(' ', blank + 1)) {
        std::size_t end = blank + 1;
        while (end < line.size() && is_word(line[end]))
            ++end;
        if (end > blank + 1 && end < line.size() && line[end] == '=') return blank;
    }
    return std::string_view::npos;
}

// The value at the front of `rest`; leaves what is behind it.
std::string take_value(std::string_view& rest) {
    std::string value;
    if (!rest.starts_with('"')) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        value = rest.substr(0, end);
        rest.remove_prefix(end);
        return value;
    }
    std::size_t index = 1;
    for (; index < rest.size() && rest[index] != '"'; ++index) {
        const bool escape = rest[index] == '\\' && index + 1 < rest.size() &&
                            (rest[index + 1] == '"' || rest[index + 1] == '\\');
        if (escape) ++index;
        value.push_back(rest[index]);
    }
    rest.remove_prefix(std::min(index + 1, rest.size()));
    return value;
}

}  // namespace

std::string LogLine::field(const std::string& key) const {
    const auto found = fields.find(key);
    return found == fields.end() ? std::string() : found->second;
}

LogLine parse_text_line(std::string_view line) {
    LogLine parsed;
    parsed.text = line;
    std::size_t start = find_field(line, 0);
    parsed.head = line.substr(0, start);
    while (start != std::string_view::npos) {
        const std::size_t equals = line.find('=', start);
        const std::string key(line.substr(start + 1, equals - start - 1));
        std::string_view rest = line.substr(equals + 1);
        parsed.fields[key] = take_value(rest);
        start = find_field(line, line.size() - rest.size());
    }
    return parsed;
}

std::optional<LogLine> parse_json_line(std::string_view line) {
    const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    LogLine parsed;
    parsed.text = line;
    for (const auto& [key, value] : object.items()) {
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (key == "level") {
            parsed.level = text;
        } else if (key == "event") {
            parsed.event = text;
        } else {
            parsed.fields[key] = text;
        }
    }
    return parsed;
}

}  // namespace hpfeeds::support
