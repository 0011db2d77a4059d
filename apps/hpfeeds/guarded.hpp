// SPDX-License-Identifier: Apache-2.0
// guarded.hpp: what goes wrong, as one line and an exit status.
#pragma once

#include "console.hpp"
#include "hpfeeds/error.hpp"

#include <exception>
#include <utility>

namespace hpfeeds::cli {

// A mistake in what was asked, as opposed to something that fails.
class UsageError : public Error {
public:
    using Error::Error;
};

// Runs `action`, which returns a status, and turns what it throws into a line and a status.
template <typename Action>
[[nodiscard]] int guarded(const Console& console, Action&& action,
                          int failed = exit_failed) noexcept {
    try {
        return std::forward<Action>(action)();
    } catch (const UsageError& error) {
        console.complain(error.what());
        return exit_usage;
    } catch (const std::exception& error) {
        console.complain(error.what());
        return failed;
    }
}

}  // namespace hpfeeds::cli
