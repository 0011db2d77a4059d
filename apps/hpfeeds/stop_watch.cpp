// SPDX-License-Identifier: Apache-2.0
#include "stop_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

namespace hpfeeds::cli {
namespace {

void watch(Client& client, int stop, int done) {
    // Signals are for the thread that writes: one of them ends a write that hangs.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    std::array<pollfd, 2> watched{{{stop, POLLIN, 0}, {done, POLLIN, 0}}};
    while (poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
    if (watched[0].revents == 0) return;
    std::error_code ignored;
    client.close(ignored);
}

}  // namespace

StopWatch::StopWatch(Client& client, int stop) : done_(eventfd(0, EFD_CLOEXEC)) {
    if (done_ < 0) throw Error(std::string("cannot watch for signals: ") + std::strerror(errno));
    thread_ = std::thread(watch, std::ref(client), stop, done_);
}

StopWatch::~StopWatch() {
    static_cast<void>(eventfd_write(done_, 1));
    thread_.join();
    close(done_);
}

}  // namespace hpfeeds::cli
