// SPDX-License-Identifier: Apache-2.0
#include "config/settings_file.hpp"

#include "config/limits.hpp"
#include "config/refuse.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace hpfeeds::config {
namespace {

bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_bare_key(char c) noexcept {
    return is_letter_or_digit(c) || c == '_' || c == '-';
}

bool is_control(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_scalar_value(std::uint32_t code) noexcept {
    return code < 0xD800 || (code > 0xDFFF && code <= 0x10FFFF);
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | (code >> 6));
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | (code >> 12));
        put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | (code >> 18));
        put(0x80 | ((code >> 12) & 0x3F));
        put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

// The bytes of the UTF-8 character that `text` begins with; 0 when it begins with none.
std::size_t character_bytes(std::string_view text) noexcept {
    const auto at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char first = at(0);
    if (first < 0x80) return 1;
    const std::size_t count = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < count) return 0;
    for (std::size_t i = 1; i < count; ++i)
        if ((at(i) & 0xC0) != 0x80) return 0;
    // Overlong forms, surrogates, and what is beyond Unicode.
    if ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F)) return 0;
    if ((first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F)) return 0;
    return count;
}

// Walks the text once, line by line.
class Reader {
public:
    Reader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

    std::vector<FileSetting> read() {
        if (text_.starts_with("\xEF\xBB\xBF"))
            fail("begins with a byte order mark; save it as UTF-8 without one");
        check_utf8();
        std::vector<FileSetting> settings;
        while (!done()) {
            skip_blanks();
            if (done()) break;
            if (!at_line_end()) settings.push_back(read_setting());
            end_line();
        }
        return settings;
    }

private:
    [[noreturn]] void fail(const std::string& what) const { fail_at(line_, what); }
    [[noreturn]] void fail_at(std::size_t line, const std::string& what) const {
        throw Error(std::string(name_) + ":" + std::to_string(line) + ": " + what);
    }

    [[nodiscard]] bool done() const noexcept { return at_ == text_.size(); }
    [[nodiscard]] char now() const noexcept { return done() ? '\0' : text_[at_]; }
    [[nodiscard]] bool next_is(std::string_view part) const noexcept {
        return text_.substr(at_).starts_with(part);
    }
    [[nodiscard]] bool at_line_end() const noexcept {
        return done() || now() == '\n' || now() == '#' || next_is("\r\n");
    }

    // The rest of the line, for a message.
    [[nodiscard]] std::string rest() const {
        return in_quotes(text_.substr(at_, text_.find_first_of("\r\n", at_) - at_));
    }

    void check_utf8() {
        std::size_t line = 1;
        for (std::size_t at = 0; at < text_.size();) {
            const std::size_t bytes = character_bytes(text_.substr(at));
            if (bytes == 0) fail_at(line, "is not UTF-8 text; save it as UTF-8");
            if (text_[at] == '\n') ++line;
            at += bytes;
        }
    }

    void skip_blanks() noexcept {
        while (!done() && (now() == ' ' || now() == '\t'))
            ++at_;
    }

    // Comment and line break, or the end of the text.
    void end_line() {
        skip_blanks();
        if (now() == '#' && !done()) skip_comment();
        if (done()) return;
        if (next_is("\r\n")) ++at_;
        if (now() != '\n')
            fail(rest() +
                 " stands behind a value; write one setting a line, and # before a "
                 "comment");
        ++at_;
        ++line_;
    }

    void skip_comment() {
        while (!done() && now() != '\n' && !next_is("\r\n")) {
            if (is_control(now())) fail("a control character in a comment; remove it");
            ++at_;
        }
    }

    // Inside of a list, a value may be lines away.
    void skip_blank_lines() {
        for (;;) {
            skip_blanks();
            if (done() || !at_line_end()) return;
            end_line();
        }
    }

    FileSetting read_setting() {
        FileSetting setting;
        setting.line = line_;
        setting.key = read_key();
        if (const auto [known, first] = seen_.emplace(setting.key, line_); !first)
            fail(setting.key + " is set in line " + std::to_string(known->second) +
                 " already; keep one of them");
        skip_blanks();
        if (now() == '.')
            fail("the keys here have no dots; write the name of a flag, as in max-queue = \"64M\"");
        if (now() != '=')
            fail("no = behind " + in_quotes(setting.key) + "; write " + setting.key +
                 " = and a value");
        ++at_;
        skip_blanks();
        read_values(setting);
        return setting;
    }

    std::string read_key() {
        if (now() == '[')
            fail(rest() + ": there are no sections here; remove the line, all keys stand alone");
        if (now() == '"' || now() == '\'') return read_quoted_key();
        const std::size_t begin = at_;
        while (!done() && is_bare_key(now()))
            ++at_;
        if (at_ == begin)
            fail(rest() +
                 " is no setting; write the name of a flag and a value, as in "
                 "max-queue = \"64M\"");
        return std::string(text_.substr(begin, at_ - begin));
    }

    // Messages name it, in one line.
    std::string read_quoted_key() {
        std::string key = read_quoted();
        if (std::any_of(key.begin(), key.end(), is_control))
            fail(
                "a control character in a key; write the name of a flag, as in max-queue = "
                "\"64M\"");
        return key;
    }

    void read_values(FileSetting& setting) {
        if (now() != '[') {
            setting.values.push_back(read_value());
            return;
        }
        const std::size_t begin = line_;
        setting.list = true;
        ++at_;
        for (;;) {
            skip_blank_lines();
            if (now() == ']') break;
            if (done()) fail_at(begin, "the list has no end; write ] behind its last value");
            if (now() == '[') fail("a list inside a list; write the values one after another");
            setting.values.push_back(read_value());
            skip_blank_lines();
            if (now() == ',')
                ++at_;
            else if (now() != ']')
                fail_at(done() ? begin : line_, done() ? "the list has no end; write ] behind its "
                                                         "last value"
                                                       : rest() +
                                                             ": write a comma between the "
                                                             "values of a list, and ] behind "
                                                             "the last");
        }
        ++at_;
    }

    FileValue read_value() {
        FileValue value;
        value.line = line_;
        if (at_line_end()) fail("no value behind =; write one, text in quotes");
        if (now() == '"' || now() == '\'') {
            value.text = read_quoted();
            return value;
        }
        const std::string_view word = read_word();
        if (word == "true" || word == "false") {
            value.type = FileValue::Type::yes_no;
            value.text = word;
        } else if (const std::optional<std::string> number = number_of(word)) {
            value.type = FileValue::Type::number;
            value.text = *number;
        } else {
            refuse_word(word);
        }
        return value;
    }

    // As far as an unquoted value could go; its blanks are for the message alone.
    std::string_view read_word() noexcept {
        const std::size_t begin = at_;
        while (!done() && std::string_view(" \t\r\n,]#").find(now()) == std::string_view::npos)
            ++at_;
        return text_.substr(begin, at_ - begin);
    }

    // A decimal number without its underscores.
    [[nodiscard]] static std::optional<std::string> number_of(std::string_view word) {
        std::string digits;
        std::string_view rest = word;
        const bool negative = rest.starts_with('-');
        if (negative || rest.starts_with('+')) rest.remove_prefix(1);
        for (std::size_t i = 0; i < rest.size(); ++i) {
            const bool between = i > 0 && i + 1 < rest.size() && rest[i] == '_' &&
                                 is_digit(rest[i - 1]) && is_digit(rest[i + 1]);
            if (between) continue;
            if (!is_digit(rest[i])) return std::nullopt;
            digits += rest[i];
        }
        if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
        return negative ? "-" + digits : digits;
    }

    [[noreturn]] void refuse_word(std::string_view word) const {
        if (word.starts_with('{'))
            fail("a table is no value here; write text in quotes, or a list of texts in [ ]");
        std::string remedy = "text is written in quotes";
        if (toml_text(word).size() <= name_bytes_max) remedy += ", as in " + toml_text(word);
        fail(in_quotes(word) + " is neither a whole number nor true or false; " + remedy);
    }

    std::string read_quoted() {
        if (next_is("\"\"\"") || next_is("'''"))
            fail("text over several lines is not known here; write it in one line, in \" or '");
        return now() == '"' ? read_basic() : read_literal();
    }

    void check_in_text() const {
        if (done() || now() == '\n' || next_is("\r\n"))
            fail("the text has no closing quote; add it");
        if (is_control(now()))
            fail("a control character in a text; write it as \\u and four hex digits, in \"");
    }

    std::string read_literal() {
        std::string out;
        for (++at_; now() != '\'' || done(); ++at_) {
            check_in_text();
            out += now();
        }
        ++at_;
        return out;
    }

    std::string read_basic() {
        std::string out;
        ++at_;
        while (now() != '"') {
            check_in_text();
            if (now() == '\\')
                read_escape(out);
            else
                out += text_[at_++];
        }
        ++at_;
        return out;
    }

    void read_escape(std::string& out) {
        constexpr std::string_view letters = "btnfr\"\\";
        constexpr std::string_view meanings = "\b\t\n\f\r\"\\";
        ++at_;
        const char letter = now();
        if (const std::size_t known = letters.find(letter);
            !done() && known != std::string_view::npos) {
            out += meanings[known];
            ++at_;
        } else if (letter == 'u' || letter == 'U') {
            ++at_;
            append_utf8(out, read_code(letter == 'u' ? 4 : 8));
        } else {
            fail(
                "a backslash in \" begins an escape, and this is none; write \\\\ for one "
                "backslash, or the text in ' quotes, as in 'tcp:interface=\\:\\:1:port=20000'");
        }
    }

    std::uint32_t read_code(std::size_t digits) {
        std::uint32_t code = 0;
        for (std::size_t i = 0; i < digits; ++i, ++at_) {
            const int value = done() ? -1 : hex_value(now());
            if (value < 0) fail("an escape with too few hex digits; \\u has four, and \\U eight");
            code = code << 4 | static_cast<std::uint32_t>(value);
        }
        if (!is_scalar_value(code)) fail("an escape of no Unicode character; correct its digits");
        return code;
    }

    std::string_view text_;
    std::string_view name_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::map<std::string, std::size_t, std::less<>> seen_;  // key and its line
};

[[noreturn]] void refuse_file(const std::string& path, const std::string& why) {
    throw Error("cannot read the configuration " + in_quotes(path) + ": " + why);
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t bytes = character_bytes(text);
        if (bytes == 0) return false;
        text.remove_prefix(bytes);
    }
    return true;
}

std::vector<FileSetting> parse_settings(std::string_view text, std::string_view name) {
    return Reader(text, name).read();
}

std::vector<FileSetting> read_settings(const std::string& path, bool again) {
    std::error_code ignored;
    const std::filesystem::file_status status = std::filesystem::status(path, ignored);
    if (std::filesystem::is_directory(status)) refuse_file(path, "it is a directory; name a file");
    if (again && std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        refuse_file(path, "it cannot be read a second time; name a regular file");
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file)
        refuse_file(path, std::string(std::strerror(errno ? errno : EIO)) +
                              "; name a TOML file that the broker's user may read");
    std::string text(settings_file_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) refuse_file(path, std::strerror(errno ? errno : EIO));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > settings_file_bytes_max)
        refuse_file(path, "it is larger than " + std::to_string(settings_file_bytes_max) +
                              " bytes; is it a configuration?");
    return parse_settings(text, path);
}

std::string toml_text(std::string_view text) {
    const bool plain = std::none_of(text.begin(), text.end(), is_control);
    const bool spares = text.find_first_of("\"\\") != std::string_view::npos;
    if (plain && spares && text.find('\'') == std::string_view::npos)
        return "'" + std::string(text) + "'";
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (is_control(c)) {
            const auto byte = static_cast<unsigned char>(c);
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 0xF];
        } else {
            out += c;
        }
    }
    return out + "\"";
}

}  // namespace hpfeeds::config
