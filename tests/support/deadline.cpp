// SPDX-License-Identifier: Apache-2.0
#include "support/deadline.hpp"

#include <algorithm>
#include <cstdlib>

namespace hpfeeds::support {
namespace {

double scale() {
    const char* text = std::getenv("HPFEEDS_TEST_SCALE");
    const double wanted = text == nullptr ? 1.0 : std::strtod(text, nullptr);
    return wanted > 0.0 ? wanted : 1.0;
}

}  // namespace

Deadline::Deadline(std::chrono::milliseconds from_now)
    : when_(std::chrono::steady_clock::now() +
            std::chrono::milliseconds(
                static_cast<std::int64_t>(static_cast<double>(from_now.count()) * scale()))) {}

bool Deadline::passed() const noexcept {
    return std::chrono::steady_clock::now() >= when_;
}

int Deadline::left_ms(int at_most) const noexcept {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        when_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, at_most));
}

}  // namespace hpfeeds::support
