// SPDX-License-Identifier: Apache-2.0
#include "support/held_thread.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace hpfeeds::support {
namespace {

pid_t thread_called(pid_t process, const std::string& name) {
    const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        std::ifstream comm(task.path() / "comm");
        std::string called;
        std::getline(comm, called);
        if (called == name) return static_cast<pid_t>(std::stol(task.path().filename()));
    }
    throw std::runtime_error("no thread is called " + name);
}

}  // namespace

HeldThread::HeldThread(pid_t process, const std::string& name)
    : thread_(thread_called(process, name)) {
    if (::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0) return;
    held_ = true;
    int status = 0;
    if (::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0 ||
        ::waitpid(thread_, &status, __WALL) != thread_ || !WIFSTOPPED(status))
        let_go();
}

// One that died meanwhile is ours to reap.
void HeldThread::let_go() noexcept {
    if (!std::exchange(held_, false)) return;
    if (::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr) != 0)
        ::waitpid(thread_, nullptr, __WALL | WNOHANG);
}

}  // namespace hpfeeds::support
