// SPDX-License-Identifier: Apache-2.0
// error.hpp: what the control path throws: configuration, files, start-up. Never the data path.
//
// The text is one line for a person: what went wrong, where (file, line, field), and what to do
// about it.
#pragma once

#include <stdexcept>
#include <string>

namespace hpfeeds {

class Error : public std::runtime_error {
public:
    explicit Error(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace hpfeeds
