// SPDX-License-Identifier: Apache-2.0
#include "broker/signals.hpp"

#include <pthread.h>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <initializer_list>

namespace hpfeeds::broker {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    return set;
}

sigset_t stop_signals() {
    return set_of({SIGTERM, SIGINT});
}

sigset_t all_signals() {
    return set_of({SIGTERM, SIGINT, SIGHUP, SIGUSR2});
}

timespec timespec_of(std::chrono::nanoseconds duration) {
    using std::chrono::seconds;
    const auto whole = std::chrono::duration_cast<seconds>(duration);
    return {static_cast<time_t>(whole.count()), static_cast<long>((duration - whole).count())};
}

}  // namespace

void block_signals() {
    const sigset_t signals = all_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a log that may not grow (ulimit -f) fails as on a full disk
}

std::optional<int> wait_for_signal(std::optional<std::chrono::milliseconds> patience) {
    const sigset_t signals = all_signals();
    const timespec wait = timespec_of(patience.value_or(std::chrono::milliseconds{0}));
    int signal = -1;
    do {
        signal = sigtimedwait(&signals, nullptr, patience ? &wait : nullptr);
    } while (signal < 0 && errno == EINTR);
    if (signal < 0) return std::nullopt;
    return signal;
}

bool asks_to_stop(int signal) noexcept {
    return signal == SIGTERM || signal == SIGINT;
}

bool wait_or_stop_signal(std::chrono::nanoseconds pause) {
    const sigset_t stops = stop_signals();
    const timespec wait = timespec_of(pause);
    return sigtimedwait(&stops, nullptr, &wait) > 0;
}

}  // namespace hpfeeds::broker
