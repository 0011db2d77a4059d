// SPDX-License-Identifier: Apache-2.0
// outage_gate.hpp: whether a key store that failed may be asked again yet: a circuit breaker.
//
// While the store answers, everybody passes. A failure begins an outage: nobody passes until a
// backoff is over (100 ms, doubling to 5 s, each drawn from the upper half below its bound), then
// one attempt, the probe. It decides: success ends the outage, failure makes the next backoff.
// Attempts that passed before the outage began may still fail or succeed; that changes nothing any
// more.
//
//   OutageGate::Pass pass = gate.enter(now);
//   if (pass == OutageGate::Pass::refused) …            answer "cannot tell" at once
//   … ask the store …
//   works ? gate.succeeded(pass) : gate.failed(pass, now)   true: an outage ended, or began
//
// Threads  one at a time: the owner holds a lock, or is one thread.
// Errors   none.    Time and chance  the caller's: a failing test is a seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace hpfeeds::auth {

class OutageGate {
public:
    using Clock = std::chrono::steady_clock;
    enum class Pass : std::uint8_t { open, probe, refused };
    struct Limits {
        std::chrono::milliseconds first{100};
        std::chrono::milliseconds longest{5'000};
    };

    // `random` gives uniformly distributed numbers.
    OutageGate(Limits limits, std::function<std::uint32_t()> random)
        : limits_(limits), random_(std::move(random)), bound_(limits.first) {}

    // Whoever gets `open` or `probe` owes a succeeded() or failed() with it.
    [[nodiscard]] Pass enter(Clock::time_point now) noexcept;
    // True when this ended an outage.
    bool succeeded(Pass pass) noexcept;
    // True when this began one.
    bool failed(Pass pass, Clock::time_point now);

    [[nodiscard]] bool out() const noexcept { return out_; }
    // While out and nobody probes: from when on a probe may pass.
    [[nodiscard]] Clock::time_point retry_at() const noexcept { return retry_at_; }
    [[nodiscard]] bool probing() const noexcept { return probing_; }

private:
    void wait_from(Clock::time_point now);

    const Limits limits_;
    const std::function<std::uint32_t()> random_;
    std::chrono::milliseconds bound_;
    Clock::time_point retry_at_{};
    bool out_ = false;
    bool probing_ = false;
};

}  // namespace hpfeeds::auth
