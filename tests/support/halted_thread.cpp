// SPDX-License-Identifier: Apache-2.0
#include "support/halted_thread.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace hpfeeds::support {
namespace {

pid_t find_thread(pid_t process, const std::string& name) {
    const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        std::string called;
        std::getline(std::ifstream(task.path() / "comm"), called);
        if (called == name) return static_cast<pid_t>(std::stol(task.path().filename()));
    }
    throw std::runtime_error("no thread " + name + " in process " + std::to_string(process));
}

}  // namespace

HaltedThread::HaltedThread(pid_t process, const std::string& name)
    : thread_(find_thread(process, name)) {
    if (ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0 ||
        ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot halt " + name);
    int status = 0;
    if (waitpid(thread_, &status, __WALL) != thread_ || !WIFSTOPPED(status))
        throw std::runtime_error(name + " does not halt");
}

HaltedThread::~HaltedThread() {
    ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
}

}  // namespace hpfeeds::support
