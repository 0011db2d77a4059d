// SPDX-License-Identifier: Apache-2.0
#include "log/line.hpp"

#include "log/limits.hpp"
#include "log/utf8.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <iterator>

namespace hpfeeds::log {
namespace {

void append_time(std::string& out, Moment moment) {
    using namespace std::chrono;
    const auto second = floor<seconds>(moment);
    const auto millisecond = duration_cast<milliseconds>(moment - second).count();
    const std::time_t time = system_clock::to_time_t(second);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    fmt::format_to(std::back_inserter(out), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, millisecond);
}

// Characters that end a line, move a terminal's cursor or turn the text around: a peer could forge
// lines with them.
bool breaks_lines(std::uint32_t point) noexcept {
    if (point < 0x20 || (point >= 0x7F && point <= 0x9F)) return true;  // C0, DEL, C1
    if (point == 0x2028 || point == 0x2029) return true;                // separators
    return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

void append_hex(std::string& out, std::string_view bytes) {
    for (const char byte : bytes)
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
}

// The part of `value` that is shown: whole, or cut where a character begins.
std::string_view shown(std::string_view value) noexcept {
    if (value.size() <= value_bytes_max) return value;
    std::size_t end = value_bytes_max;
    for (std::size_t back = 1; back <= 3; ++back) {
        const Character last = first_character(value.substr(value_bytes_max - back));
        if (last.bytes > back) end = value_bytes_max - back;
    }
    return value.substr(0, end);
}

void append_true_length(std::string& out, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "…({} bytes)", value.size());
}

// Escapes for text; true when the value cannot stand without quotes.
bool append_escaped(std::string& out, std::string_view rest) {
    bool needs_quotes = rest.empty();
    while (!rest.empty()) {
        const Character character = first_character(rest);
        const std::string_view bytes = rest.substr(0, character.bytes == 0 ? 1 : character.bytes);
        rest.remove_prefix(bytes.size());
        if (character.bytes == 0 || breaks_lines(character.point)) {
            append_hex(out, bytes);
            needs_quotes = true;
        } else if (character.point == '"' || character.point == '\\') {
            out += '\\';
            out += bytes;
            needs_quotes = true;
        } else {
            out += bytes;
            needs_quotes |= character.point == ' ' || character.point == '=';
        }
    }
    return needs_quotes;
}

void append_text_value(std::string& out, std::string_view value) {
    const std::string_view part = shown(value);
    std::string escaped;
    bool needs_quotes = append_escaped(escaped, part);
    if (part.size() < value.size()) {
        append_true_length(escaped, value);
        needs_quotes = true;  // the mark holds a blank
    }
    if (needs_quotes) out += '"';
    out += escaped;
    if (needs_quotes) out += '"';
}

void append_json_character(std::string& out, std::string_view bytes, std::uint32_t point,
                           bool before_x) {
    if (point == '"') {
        out += "\\\"";
    } else if (point == '\\') {
        out += before_x ? R"(\\x5c)" : R"(\\)";
    } else if (breaks_lines(point)) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                       point);  // all of them are below U+10000
    } else {
        out += bytes;
    }
}

void append_json_string(std::string& out, std::string_view value) {
    std::string_view rest = shown(value);
    const bool cut = rest.size() < value.size();
    out += '"';
    while (!rest.empty()) {
        const Character character = first_character(rest);
        const std::string_view bytes = rest.substr(0, character.bytes == 0 ? 1 : character.bytes);
        rest.remove_prefix(bytes.size());
        if (character.bytes == 0) {
            out += '\\';
            append_hex(out, bytes);
        } else {
            append_json_character(out, bytes, character.point, rest.starts_with('x'));
        }
    }
    if (cut) append_true_length(out, value);
    out += '"';
}

void append_json_member(std::string& out, std::string_view key, std::string_view value) {
    out += ',';
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
}

}  // namespace

std::string_view name(Level level) noexcept {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "unknown";
}

std::string format_text(Moment moment, Level level, std::string_view event,
                        std::span<const Field> fields) {
    std::string line;
    append_time(line, moment);
    line += ' ';
    line += name(level);
    line += ' ';
    append_escaped(line, event);
    for (const Field& field : fields) {
        line += ' ';
        line += field.key;
        line += '=';
        append_text_value(line, field.value);
    }
    return line;
}

std::string format_json(Moment moment, Level level, std::string_view event,
                        std::span<const Field> fields) {
    std::string line = R"({"time":")";
    append_time(line, moment);
    line += '"';
    append_json_member(line, "level", name(level));
    append_json_member(line, "event", event);
    for (const Field& field : fields)
        append_json_member(line, field.key, field.value);
    line += '}';
    return line;
}

}  // namespace hpfeeds::log
