// SPDX-License-Identifier: Apache-2.0
#include "auth/outage_gate.hpp"

#include <algorithm>

namespace hpfeeds::auth {

OutageGate::Pass OutageGate::enter(Clock::time_point now) noexcept {
    if (!out_) return Pass::open;
    if (probing_ || now < retry_at_) return Pass::refused;
    probing_ = true;
    return Pass::probe;
}

bool OutageGate::succeeded(Pass pass) noexcept {
    if (pass != Pass::probe || !out_) return false;
    out_ = probing_ = false;
    bound_ = limits_.first;
    return true;
}

bool OutageGate::failed(Pass pass, Clock::time_point now) {
    if (!out_) {
        out_ = true;
        wait_from(now);
        return true;
    }
    if (pass == Pass::probe) {
        probing_ = false;
        wait_from(now);
    }
    return false;
}

void OutageGate::wait_from(Clock::time_point now) {
    const auto half = bound_ / 2;
    const auto spread = static_cast<std::uint64_t>((bound_ - half).count()) + 1;
    const auto jitter = static_cast<std::chrono::milliseconds::rep>(random_() % spread);
    retry_at_ = now + half + std::chrono::milliseconds(jitter);
    bound_ = std::min(bound_ * 2, limits_.longest);
}

}  // namespace hpfeeds::auth
