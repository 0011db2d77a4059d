// SPDX-License-Identifier: Apache-2.0
// configuration.cpp: the text of a configuration file.
//
// Input   the text. Holds   it is refused with hpfeeds::Error in one line that begins with file and
// line, or no key comes twice, lines are those of the text, and what was understood can be written
// down and understood again.
#include "config/settings_file.hpp"
#include "expect.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using hpfeeds::fuzz::expect;
namespace config = hpfeeds::config;
using Settings = std::vector<config::FileSetting>;

std::string written(const config::FileValue& value) {
    return value.type == config::FileValue::Type::text ? config::toml_text(value.text) : value.text;
}

std::string written(const Settings& settings) {
    std::string text;
    for (const config::FileSetting& setting : settings) {
        text += config::toml_text(setting.key) + (setting.list ? " = [" : " = ");
        for (const config::FileValue& value : setting.values)
            text += written(value) + (setting.list ? ", " : "");
        text += setting.list ? "]\n" : "\n";
    }
    return text;
}

bool same(const config::FileValue& left, const config::FileValue& right) {
    return left.type == right.type && left.text == right.text;
}

bool same(const config::FileSetting& left, const config::FileSetting& right) {
    return left.key == right.key && left.list == right.list &&
           std::equal(left.values.begin(), left.values.end(), right.values.begin(),
                      right.values.end(),
                      [](const auto& one, const auto& other) { return same(one, other); });
}

void check(const Settings& settings, std::size_t lines) {
    std::set<std::string> keys;
    for (const config::FileSetting& setting : settings) {
        expect(keys.insert(setting.key).second, "no key comes twice");
        expect(setting.line >= 1 && setting.line <= lines, "a setting stands in the text");
        expect(setting.list || setting.values.size() == 1, "without brackets there is one value");
        for (const config::FileValue& value : setting.values) {
            expect(value.line >= setting.line && value.line <= lines, "a value follows its key");
            expect(config::is_utf8(value.text), "values are UTF-8");
        }
    }
    const Settings again = config::parse_settings(written(settings), "again");
    expect(std::equal(settings.begin(), settings.end(), again.begin(), again.end(),
                      [](const auto& one, const auto& other) { return same(one, other); }),
           "what was written down means the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    Settings settings;
    try {
        settings = config::parse_settings(text, "file");
    } catch (const hpfeeds::Error& error) {
        const std::string_view told = error.what();
        expect(told.find('\n') == std::string_view::npos, "an error is one line");
        expect(told.starts_with("file:"), "an error says where");
        return 0;
    }
    check(settings, lines);
    return 0;
}
