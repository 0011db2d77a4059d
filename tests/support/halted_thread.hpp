// SPDX-License-Identifier: Apache-2.0
// halted_thread.hpp: one thread of a process we started, held still, as a busy machine does when it
// gives the thread no processor; the others run on.
//
// Threads    made and ended by one thread. Ownership  the thread runs on when this goes.
// Errors     std::runtime_error: no such thread, or ptrace(2) is not allowed.
#pragma once

#include <sys/types.h>
#include <string>

namespace hpfeeds::support {

class HaltedThread {
public:
    // `name` as `top -H` shows it.
    HaltedThread(pid_t process, const std::string& name);
    ~HaltedThread();
    HaltedThread(const HaltedThread&) = delete;
    HaltedThread& operator=(const HaltedThread&) = delete;

private:
    pid_t thread_;
};

}  // namespace hpfeeds::support
