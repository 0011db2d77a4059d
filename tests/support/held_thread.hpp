// SPDX-License-Identifier: Apache-2.0
// held_thread.hpp: one thread of a process we started, held still, as a busy machine does when it
// gives the thread no processor; the others run on.
//
// Threads    made, let go and ended by one thread. Errors     std::runtime_error: no such thread.
#pragma once

#include <sys/types.h>
#include <string>

namespace hpfeeds::support {

class HeldThread {
public:
    // `name` as `top -H` shows it.
    HeldThread(pid_t process, const std::string& name);
    ~HeldThread() { let_go(); }
    HeldThread(const HeldThread&) = delete;
    HeldThread& operator=(const HeldThread&) = delete;

    // False: this system does not let a test do that (ptrace(2)).
    [[nodiscard]] bool held() const noexcept { return held_; }
    void let_go() noexcept;

private:
    pid_t thread_;
    bool held_ = false;
};

}  // namespace hpfeeds::support
