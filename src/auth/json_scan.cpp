// SPDX-License-Identifier: Apache-2.0
#include "auth/json_scan.hpp"

#include "auth/limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace hpfeeds::auth {
namespace {

using Json = nlohmann::json;

// Bytes that a string has for themselves: ASCII, but for what ends it, escapes and controls.
constexpr std::array<bool, 256> plain_bytes = [] {
    std::array<bool, 256> plain{};
    for (std::size_t byte = 0x20; byte < 0x80; ++byte)
        plain[byte] = byte != '"' && byte != '\\';
    return plain;
}();

constexpr bool is_plain(char byte) noexcept {
    return plain_bytes[static_cast<unsigned char>(byte)];
}

std::string quoted(std::string_view written) {
    std::string text;
    text.reserve(written.size() + 2);
    return text.append(1, '"').append(written).append(1, '"');
}

// A string's text, and how many bytes it means.
struct Written {
    std::string_view text;
    std::size_t bytes = 0;
    bool plain = true;  // then it means what is written
};

struct Fields {
    Written owner, secret;
    std::string_view pubchans, subchans;  // between the brackets
};

class Scanner {
public:
    explicit Scanner(std::string_view text) noexcept
        : at_(text.data()), end_(text.data() + text.size()) {}

    [[nodiscard]] const char* place() const noexcept { return at_; }
    [[nodiscard]] bool at_end() noexcept {
        skip_blanks();
        return at_ == end_;
    }
    // Whether the next one that is no blank is this one, which is passed then.
    [[nodiscard]] bool take(char wanted) noexcept {
        skip_blanks();
        if (at_ == end_ || *at_ != wanted) return false;
        ++at_;
        return true;
    }

    [[nodiscard]] bool string(Written& out) {
        if (!take('"')) return false;
        const char* const begin = at_;
        out.plain = true;
        for (;;) {
            while (at_ != end_ && is_plain(*at_))
                ++at_;
            if (at_ == end_) return false;
            if (*at_ == '"') break;
            if (static_cast<unsigned char>(*at_) < 0x20) return false;
            out.plain = false;
            at_ += *at_ == '\\' && end_ - at_ > 1 ? 2 : 1;
        }
        out.text = {begin, static_cast<std::size_t>(at_ - begin)};
        ++at_;
        out.bytes = out.text.size();
        return out.plain || measure(out);
    }

    // Calls `item` for each of what stands between here and the bracket, with commas.
    template <typename Item>
    [[nodiscard]] bool items_until(char bracket, const Item& item) {
        if (take(bracket)) return true;
        do {
            if (!item()) return false;
        } while (take(','));
        return take(bracket);
    }

    [[nodiscard]] bool entry(Fields& fields) {
        std::array<bool, 4> seen{};
        const bool sound = take('{') && items_until('}', [&] { return field(fields, seen); });
        return sound && std::all_of(seen.begin(), seen.end(), [](bool each) { return each; });
    }

private:
    void skip_blanks() noexcept {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
            ++at_;
    }

    // The library is the judge of escapes and of UTF-8.
    [[nodiscard]] static bool measure(Written& out) {
        const Json parsed = Json::parse(quoted(out.text), nullptr, false);
        if (!parsed.is_string()) return false;
        out.bytes = parsed.get_ref<const std::string&>().size();
        return true;
    }

    [[nodiscard]] bool field(Fields& fields, std::array<bool, 4>& seen) {
        Written written;
        if (!string(written) || !take(':')) return false;
        std::string meaning;
        if (!written.plain) meaning = meaning_of_json(written.text);
        const std::string_view name = written.plain ? written.text : meaning;
        if (name == "owner") return first(seen[0]) && owner(fields.owner);
        if (name == "secret") return first(seen[1]) && secret(fields.secret);
        if (name == "pubchans") return first(seen[2]) && channels(fields.pubchans);
        if (name == "subchans") return first(seen[3]) && channels(fields.subchans);
        return unknown_value();
    }
    [[nodiscard]] static bool first(bool& seen) noexcept { return !std::exchange(seen, true); }

    [[nodiscard]] bool owner(Written& out) { return string(out) && out.bytes <= owner_bytes_max; }
    [[nodiscard]] bool secret(Written& out) {
        return string(out) && out.bytes > 0 && out.bytes <= secret_bytes_max;
    }
    [[nodiscard]] bool channels(std::string_view& out) {
        if (!take('[')) return false;
        const char* const begin = at_;
        std::size_t count = 0;
        Written channel;
        const bool sound = items_until(']', [&] {
            return string(channel) && channel.bytes <= channel_bytes_max && ++count <= channels_max;
        });
        if (sound) out = {begin, static_cast<std::size_t>(at_ - begin) - 1};
        return sound;
    }

    // A value that we do not know: its end is found here, the library is the judge of it.
    [[nodiscard]] bool unknown_value() {
        skip_blanks();
        const char* const begin = at_;
        if (at_ != end_ && (*at_ == '{' || *at_ == '[')) {
            if (!pass_brackets()) return false;
        } else if (at_ != end_ && *at_ == '"') {
            Written unused;
            return string(unused);
        } else {
            while (at_ != end_ && is_of_scalar(*at_))
                ++at_;
        }
        return Json::accept(begin, at_);
    }
    [[nodiscard]] static bool is_of_scalar(char byte) noexcept {
        return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || byte == 'E' ||
               byte == '-' || byte == '+' || byte == '.';
    }
    [[nodiscard]] bool pass_brackets() {
        constexpr std::size_t outside = 2;  // the file's and the entry's
        std::size_t depth = 0;
        do {
            if (at_ == end_) return false;
            if (*at_ == '"') {
                Written unused;
                if (!string(unused)) return false;
                continue;
            }
            if ((*at_ == '{' || *at_ == '[') && ++depth + outside > json_depth_max) return false;
            if (*at_ == '}' || *at_ == ']') --depth;
            ++at_;
        } while (depth > 0);
        return true;
    }

    const char* at_;
    const char* const end_;
};

// Each string of a list.
core::ChannelList channels_of(std::string_view list) {
    std::vector<std::string> names;
    Scanner scanner(list);
    Written name;
    while (scanner.string(name)) {
        names.push_back(name.plain ? std::string(name.text) : meaning_of_json(name.text));
        if (!scanner.take(',')) break;
    }
    return core::ChannelList(std::move(names));
}

std::string meaning_of(const Written& written) {
    return written.plain ? std::string(written.text) : meaning_of_json(written.text);
}

}  // namespace

bool scan_json_keys(std::string_view text, std::vector<WrittenKey>& out) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    Scanner scanner(text);
    Written ident;
    Fields unused;
    const auto key = [&] {
        if (!scanner.string(ident) || ident.bytes == 0 || ident.bytes > ident_bytes_max ||
            !scanner.take(':'))
            return false;
        if (scanner.at_end()) return false;
        const char* const begin = scanner.place();
        if (!scanner.entry(unused)) return false;
        out.push_back({ident.text, {begin, static_cast<std::size_t>(scanner.place() - begin)}});
        return true;
    };
    return scanner.take('{') && scanner.items_until('}', key) && scanner.at_end();
}

std::string meaning_of_json(std::string_view written) {
    if (std::all_of(written.begin(), written.end(), is_plain)) return std::string(written);
    return Json::parse(quoted(written)).get<std::string>();
}

core::Account account_of(std::string_view ident, std::string_view entry) {
    Fields fields;
    [[maybe_unused]] const bool sound = Scanner(entry).entry(fields);
    return {std::string(ident), meaning_of(fields.secret), meaning_of(fields.owner),
            channels_of(fields.pubchans), channels_of(fields.subchans)};
}

}  // namespace hpfeeds::auth
