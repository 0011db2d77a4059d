// SPDX-License-Identifier: Apache-2.0
// adaptive_mutex.hpp: a std::mutex that is held for moments only, and waited for accordingly.
//
// Who finds it locked looks again for about a microsecond before it asks the system to wait. A
// publisher in a loop holds its session's lock half of the time, for 30 ns each: to sleep for that
// would cost both threads a system call, again and again.
//
// Threads  call it before anybody else knows the mutex.
// Errors   none: without such mutexes it stays an ordinary one.
#pragma once

#include <pthread.h>
#include <mutex>

namespace hpfeeds::client {

inline void make_adaptive(std::mutex& mutex) noexcept {
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0) return;
    if (pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP) == 0)
        static_cast<void>(pthread_mutex_init(mutex.native_handle(), &attributes));
    static_cast<void>(pthread_mutexattr_destroy(&attributes));
#else
    static_cast<void>(mutex);
#endif
}

}  // namespace hpfeeds::client
