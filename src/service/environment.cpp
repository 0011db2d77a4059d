// SPDX-License-Identifier: Apache-2.0
#include "service/environment.hpp"

#include "hpfeeds/error.hpp"

#include <charconv>
#include <cstdlib>

namespace hpfeeds::service {

std::optional<std::string> take_variable(const char* name) {
    const char* found = std::getenv(name);
    if (found == nullptr) return std::nullopt;
    std::string value = found;
    ::unsetenv(name);
    return value;
}

std::uint64_t whole_number(std::string_view variable, std::string_view value, std::uint64_t most) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number > most)
        refuse_variable(variable, value,
                        "not a whole number from 0 to " + std::to_string(most) +
                            "; leave the variable to the service manager");
    return number;
}

void refuse_variable(std::string_view variable, std::string_view value, std::string_view why) {
    // A line is one line, whatever somebody put into the environment.
    std::string shown(value.substr(0, 200));
    for (char& character : shown)
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f) character = '?';
    throw Error("in the environment, " + std::string(variable) + "='" + shown +
                "': " + std::string(why));
}

}  // namespace hpfeeds::service
