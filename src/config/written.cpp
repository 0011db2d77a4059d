// SPDX-License-Identifier: Apache-2.0
#include "config/written.hpp"

#include "config/settings_file.hpp"

#include <algorithm>

namespace hpfeeds::config {
namespace {

constexpr std::string_view heading =
    "# A configuration of hpfeeds-broker, for hpfeeds-broker --config FILE.\n"
    "#\n"
    "# Each key is a flag of hpfeeds-broker(8); hpfeeds-broker.toml(5) says how to write values.\n"
    "# What stands behind a # is the default, or the form of a value where there is none.\n"
    "# hpfeeds-broker --print-config writes this file, --check --config FILE tries one, and "
    "SIGHUP\n"
    "# has it read again.\n";

// What the help says behind "default: "; nothing when that names no value.
std::string default_of(const std::string& help) {
    constexpr std::string_view mark = "(default: ";
    const std::size_t begin = help.find(mark);
    if (begin == std::string::npos) return {};
    std::string value = help.substr(begin + mark.size());
    value.resize(std::min(value.find(')'), value.find(',')));
    // "as --max-frame" is no value either.
    const bool names_none =
        value == "off" || value == "none" || value.find(' ') != std::string::npos;
    return names_none ? std::string() : value;
}

std::string as_comment(const std::string& text) {
    std::string out = "# ";
    for (const char c : text) {
        out += c;
        if (c == '\n') out += "# ";
    }
    return out + "\n";
}

std::string one_value(const Settable& each, const std::string& value) {
    const bool number = !value.empty() && value.size() <= 18 &&
                        (value.front() != '0' || value.size() == 1) &&
                        value.find_first_not_of("0123456789") == std::string::npos;
    return each.kind == Settable::Kind::yes_no || number ? value : toml_text(value);
}

std::string list_of(const std::vector<std::string>& values) {
    if (values.size() == 1) return "[" + toml_text(values.front()) + "]";
    std::string out = "[\n";
    for (const std::string& value : values)
        out += "    " + toml_text(value) + ",\n";
    return out + "]";
}

std::string value_text(const Settable& each, const std::vector<std::string>& values) {
    return each.kind == Settable::Kind::many ? list_of(values) : one_value(each, values.back());
}

std::string source_of(const Setting& setting, const std::string& name) {
    switch (setting.source) {
        case Source::environment:
            return variable_of(name);
        case Source::file:
            return setting.places.front();
        default:
            return "the command line";
    }
}

std::string set_line(const Settable& each, const Setting& setting) {
    const bool writable = std::all_of(setting.values.begin(), setting.values.end(),
                                      [](const std::string& value) { return is_utf8(value); });
    if (!writable)
        return "# " + each.name + " is not UTF-8 and cannot be written here; it is from " +
               source_of(setting, each.name) + "\n";
    return "# from " + source_of(setting, each.name) + ":\n" + each.name + " = " +
           value_text(each, setting.values) + "\n";
}

std::string default_line(const Settable& each) {
    std::string value = default_of(each.help);
    if (value.empty()) value = each.kind == Settable::Kind::yes_no ? "false" : each.shape;
    return "# " + each.name + " = " + value_text(each, {value}) + "\n";
}

}  // namespace

std::string written(const std::vector<Settable>& settable, const Settings& settings) {
    std::string out(heading);
    std::string group;
    for (const Settable& each : settable) {
        if (each.group != group) out += "\n\n# ==== " + each.group + " ====\n";
        group = each.group;
        out += "\n" + as_comment(each.help);
        const auto set = settings.find(each.name);
        out += set == settings.end() ? default_line(each) : set_line(each, set->second);
    }
    return out;
}

}  // namespace hpfeeds::config
