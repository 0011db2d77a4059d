// SPDX-License-Identifier: Apache-2.0
#include "config/settings.hpp"

#include "config/refuse.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

namespace hpfeeds::config {
namespace {

constexpr std::string_view prefix = "HPFEEDS_BROKER_";

// What the env key store calls the parts of a key: of the ident `broker_1` they begin like ours.
constexpr std::array<std::string_view, 4> endings_of_keys{"_SECRET", "_OWNER", "_PUBCHANS",
                                                          "_SUBCHANS"};
// Beside the prefix alone, for the ident `broker`.
constexpr std::array<std::string_view, 4> names_of_keys{"SECRET", "OWNER", "PUBCHANS", "SUBCHANS"};

const Settable* find(const std::vector<Settable>& settable, std::string_view name) {
    const auto found = std::find_if(settable.begin(), settable.end(),
                                    [&](const Settable& each) { return each.name == name; });
    return found == settable.end() ? nullptr : &*found;
}

// Levenshtein's distance: how many letters have to be added, left out or replaced.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = i;
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::optional<std::string> yes_or_no(std::string_view word) {
    for (const std::string_view yes : {"true", "1", "yes", "on"})
        if (word == yes) return "true";
    for (const std::string_view no : {"false", "0", "no", "off"})
        if (word == no) return "false";
    return std::nullopt;
}

std::vector<std::string> words_of(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    std::vector<std::string> words;
    for (std::size_t begin = text.find_first_not_of(blanks); begin != std::string_view::npos;) {
        const std::size_t end = text.find_first_of(blanks, begin);
        words.emplace_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(blanks, end);
    }
    return words;
}

// A flag that says "no" is as one that was not given, when it comes to excluding another.
bool says_something(const Setting& setting) {
    return setting.values != std::vector<std::string>{"false"};
}

class Gathering {
public:
    Gathering(const std::vector<Settable>& settable, Settings given) : settable_(settable) {
        result_.settings = std::move(given);
    }

    void hear(const Environment& environment) {
        Settings heard;
        for (const Settable& each : settable_) {
            const std::string variable = variable_of(each.name);
            const auto found = environment.find(variable);
            // An empty variable is how compose files and shells leave one out.
            if (found == environment.end() || found->second.empty()) continue;
            if (const auto values = values_of(each, variable, found->second))
                heard.emplace(each.name,
                              Setting{Source::environment, *values,
                                      std::vector<std::string>(values->size(), variable)});
        }
        note_misspelt(environment);
        take(std::move(heard));
    }

    void hear(const std::vector<FileSetting>& file, std::string_view name) {
        Settings heard;
        for (const FileSetting& written : file) {
            const std::string place = std::string(name) + ":" + std::to_string(written.line);
            const Settable* const known = find(settable_, written.key);
            if (known == nullptr) {
                result_.faults.push_back(place + ": " + unknown_key(written.key));
            } else if (std::string fault = type_fault(*known, written); !fault.empty()) {
                result_.faults.push_back(place + ": " + fault);
            } else {
                Setting setting{Source::file, {}, {}};
                for (const FileValue& value : written.values) {
                    setting.values.push_back(value.text);
                    setting.places.push_back(std::string(name) + ":" + std::to_string(value.line));
                }
                heard.emplace(written.key, std::move(setting));
            }
        }
        take(std::move(heard));
    }

    Gathered result() { return std::move(result_); }

private:
    std::optional<std::vector<std::string>> values_of(const Settable& each,
                                                      const std::string& variable,
                                                      const std::string& value) {
        if (each.kind == Settable::Kind::many) return words_of(value);
        if (each.kind == Settable::Kind::one) return std::vector<std::string>{value};
        if (const auto word = yes_or_no(value)) return std::vector<std::string>{*word};
        result_.faults.push_back(variable + " " + in_quotes(value) + ": write true or false");
        return std::nullopt;
    }

    // Idents of keys, and what Kubernetes tells of a service, begin in the same way: so a name that
    // is not ours is no fault, and one that is nearly ours is worth a line.
    void note_misspelt(const Environment& environment) {
        for (const auto& [variable, value] : environment) {
            if (!variable.starts_with(prefix)) continue;
            std::string name = variable.substr(prefix.size());
            const bool of_key =
                std::any_of(endings_of_keys.begin(), endings_of_keys.end(),
                            [&](std::string_view ending) { return name.ends_with(ending); }) ||
                std::find(names_of_keys.begin(), names_of_keys.end(), name) != names_of_keys.end();
            if (of_key) continue;
            for (char& c : name)
                c = c == '_' ? '-' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
            if (find(settable_, name) != nullptr || name == "config") continue;
            if (const std::string meant = nearest_name(name, settable_); !meant.empty())
                result_.notes.push_back(variable + " names no flag; did you mean " +
                                        variable_of(meant) + "?");
        }
    }

    [[nodiscard]] std::string unknown_key(const std::string& key) const {
        std::string fault = "unknown key " + in_quotes(key);
        if (key == "config") return fault + "; a configuration file names no other, remove it";
        if (const std::string meant = nearest_name(key, settable_); !meant.empty())
            return fault + "; did you mean " + meant + "?";
        return fault +
               "; the keys are the flags of hpfeeds-broker --help without their dashes in front";
    }

    [[nodiscard]] static std::string type_fault(const Settable& known, const FileSetting& written) {
        using Type = FileValue::Type;
        const auto wrong = [&](const std::string& wanted) {
            const std::string have = written.list ? "a list" : in_quotes(written.values[0].text);
            return known.name + " wants " + wanted + ", not " + have;
        };
        switch (known.kind) {
            case Settable::Kind::yes_no:
                if (written.list || written.values[0].type != Type::yes_no)
                    return wrong("true or false, without quotes");
                return {};
            case Settable::Kind::many:
                if (written.list && written.values.empty())
                    return known.name + " is an empty list; name one, or remove the line";
                for (const FileValue& value : written.values)
                    if (value.type != Type::text)
                        return known.name + " wants texts in quotes, not " + value.text;
                return {};
            default:
                if (written.list) return wrong("one value");
                if (written.values[0].type == Type::yes_no)
                    return wrong("a value of the form " + known.shape + " in quotes");
                return {};
        }
    }

    // What an earlier source has said stays.
    void take(Settings heard) {
        refuse_pairs(heard);
        for (auto& [name, setting] : heard)
            if (!is_excluded(name, setting)) result_.settings.emplace(name, std::move(setting));
    }

    void refuse_pairs(const Settings& heard) {
        for (const auto& [name, setting] : heard)
            for (const std::string& other : find(settable_, name)->excludes) {
                const auto beside = heard.find(other);
                // Each pair is met from both sides.
                if (name >= other || beside == heard.end()) continue;
                if (!says_something(setting) || !says_something(beside->second)) continue;
                result_.faults.push_back(
                    setting.places.front() + " and " + beside->second.places.front() + ": " +
                    setting.called(name) + " and " + beside->second.called(other) +
                    " exclude each other; keep one of them");
            }
    }

    [[nodiscard]] bool is_excluded(const std::string& name, const Setting& setting) const {
        const std::vector<std::string>& others = find(settable_, name)->excludes;
        return std::any_of(others.begin(), others.end(), [&](const std::string& other) {
            const auto before = result_.settings.find(other);
            return before != result_.settings.end() && before->second.source < setting.source &&
                   says_something(before->second);
        });
    }

    const std::vector<Settable>& settable_;
    Gathered result_;
};

}  // namespace

std::string Setting::called(std::string_view name) const {
    switch (source) {
        case Source::environment:
            return variable_of(name);
        case Source::file:
            return std::string(name);
        default:
            return "--" + std::string(name);
    }
}

std::string Setting::place_of(std::string_view value) const {
    if (source != Source::file) return {};
    const auto found = std::find(values.begin(), values.end(), value);
    return places[found == values.end() ? 0 : static_cast<std::size_t>(found - values.begin())];
}

Gathered gather(const std::vector<Settable>& settable, Settings given,
                const Environment& environment, const std::vector<FileSetting>& file,
                std::string_view file_name) {
    Gathering gathering(settable, std::move(given));
    gathering.hear(environment);
    gathering.hear(file, file_name);
    return gathering.result();
}

std::string variable_of(std::string_view name) {
    std::string out(prefix);
    for (const char c : name)
        out += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string nearest_name(std::string_view written, const std::vector<Settable>& settable) {
    constexpr std::size_t longest = 64;  // no flag is near to more
    if (written.size() > longest) return {};
    std::string nearest;
    std::size_t least = std::max<std::size_t>(1, written.size() / 3) + 1;
    for (const Settable& each : settable) {
        const std::size_t far = distance(written, each.name);
        if (far >= least) continue;
        least = far;
        nearest = each.name;
    }
    return nearest;
}

Environment environment_of_this_process() {
    Environment environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view line = *entry;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || !line.starts_with(prefix)) continue;
        environment.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return environment;
}

}  // namespace hpfeeds::config
