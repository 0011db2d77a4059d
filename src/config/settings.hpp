// SPDX-License-Identifier: Apache-2.0
// settings.hpp: what was said about each flag, and where: on the command line, in the environment,
// in the configuration file. What the values mean is not known here (flags.hpp).
//
// For each flag the command line is heard first, then the environment, then the file; the first
// that says something about it decides, and lists are not added up. Of two flags that exclude each
// other the one that was heard first counts; said in the same place, they are refused.
//
// Threads  values; any.
#pragma once

#include "config/settings_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::config {

// What can be set, as the command line knows it.
struct Settable {
    enum class Kind : std::uint8_t { one, many, yes_no };
    std::string name;  // of the flag, without its dashes: the key in the file
    Kind kind = Kind::one;
    std::string group;                  // the heading it stands under in --help
    std::string shape;                  // "SIZE"
    std::string help;                   // may be several lines
    std::vector<std::string> excludes;  // other flags it cannot stand beside
};

enum class Source : std::uint8_t { command_line, environment, file };

struct Setting {
    Source source = Source::command_line;
    std::vector<std::string> values;  // of yes_no: "true" or "false"
    std::vector<std::string> places;  // of each value: "broker.toml:12"; none on the command line

    // How a message calls it, and where it stands.
    [[nodiscard]] std::string called(std::string_view name) const;
    [[nodiscard]] std::string place_of(std::string_view value) const;
};

// By the name of the flag. What nobody set is not there.
using Settings = std::map<std::string, Setting, std::less<>>;
using Environment = std::map<std::string, std::string, std::less<>>;

struct Gathered {
    Settings settings;
    std::vector<std::string> faults;  // lines for the user; with any, nothing counts
    std::vector<std::string> notes;   // what may be a mistake, and is none for certain
};

// Puts the three together. `given` is the command line's part.
[[nodiscard]] Gathered gather(const std::vector<Settable>& settable, Settings given,
                              const Environment& environment, const std::vector<FileSetting>& file,
                              std::string_view file_name);

// "HPFEEDS_BROKER_MAX_QUEUE" of "max-queue".
[[nodiscard]] std::string variable_of(std::string_view name);

// The name that was probably meant by `written`, when one is near; else nothing.
[[nodiscard]] std::string nearest_name(std::string_view written,
                                       const std::vector<Settable>& settable);

// The environment of this process, as far as it could be the broker's.
[[nodiscard]] Environment environment_of_this_process();

}  // namespace hpfeeds::config
