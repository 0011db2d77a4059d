// SPDX-License-Identifier: Apache-2.0
// reserved_port.hpp: a loopback port that is bound and does not listen.
//
// The system gives it to nobody else, and refuses whoever connects to it; a listener that allows
// the reuse of addresses, as ours do, may bind it beside this one.
#pragma once

#include <cstdint>

namespace hpfeeds::testing {

class ReservedPort {
public:
    // Throws hpfeeds::Error when the system has no port or descriptor left.
    ReservedPort();
    ~ReservedPort();
    ReservedPort(const ReservedPort&) = delete;
    ReservedPort& operator=(const ReservedPort&) = delete;
    [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

private:
    int socket_;
    std::uint16_t number_ = 0;
};

}  // namespace hpfeeds::testing
