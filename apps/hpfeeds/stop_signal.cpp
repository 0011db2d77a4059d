// SPDX-License-Identifier: Apache-2.0
#include "stop_signal.hpp"

#include "hpfeeds/error.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace hpfeeds::cli {
namespace {

int event = -1;  // all that a handler may touch

void note_signal(int) {
    const int before = errno;
    static_cast<void>(eventfd_write(event, 1));
    errno = before;
}

}  // namespace

StopSignal::StopSignal() {
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) throw Error(std::string("cannot watch for signals: ") + std::strerror(errno));
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags =
        static_cast<int>(SA_RESETHAND);  // and no SA_RESTART: a blocked write must end
    for (const int signal : {SIGINT, SIGTERM})
        sigaction(signal, &action, nullptr);
}

int StopSignal::descriptor() const noexcept {
    return event;
}

}  // namespace hpfeeds::cli
