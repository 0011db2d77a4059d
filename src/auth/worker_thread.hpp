// SPDX-License-Identifier: Apache-2.0
// worker_thread.hpp: how this room starts its threads.
#pragma once

#include <pthread.h>
#include <sys/resource.h>

#include <csignal>
#include <thread>
#include <utility>

namespace hpfeeds::auth {

// A thread with a name (at most 15 characters, for `top -H`) that takes no signals: those are for
// the main thread. It inherits the blocked mask, so there is no moment in which it could take one.
template <typename Work>
[[nodiscard]] std::thread start_worker_thread(const char* name, Work&& work) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread thread(std::forward<Work>(work));
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        pthread_setname_np(thread.native_handle(), name);
        return thread;
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
}

// Called by a thread that looks keys up: from now on it gives way to those that carry messages. A
// storm of logins then takes the time that is left, instead of making every event late.
inline void give_way_to_messages() noexcept {
    constexpr int nice = 5;                // a third of the weight
    ::setpriority(PRIO_PROCESS, 0, nice);  // on Linux, of this thread alone
}

}  // namespace hpfeeds::auth
