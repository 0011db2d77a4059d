// SPDX-License-Identifier: Apache-2.0
// process.hpp: a child process whose output is read as it comes.
//
// Threads    one owner; two threads of its own read stdout and stderr, so the child never waits for
// us. Ownership  the destructor kills the child, by its pid, and reaps it; the kernel does when the
// test dies first. Errors     std::runtime_error when the child cannot be started or a deadline
// passes; the text holds its stderr.
#pragma once

#include "support/deadline.hpp"

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::support {

// What one of the child's outputs has carried so far.
class Output {
public:
    explicit Output(int descriptor);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::vector<std::string> lines() const;
    // The first whole line, from the one numbered `first` on, that `wanted` likes; nothing when the
    // deadline passes or the output ends before. Looks at lines of the past too.
    [[nodiscard]] std::optional<std::string> wait_for_line(
        const std::function<bool(std::string_view)>& wanted, Deadline deadline = Deadline{},
        std::size_t first = 0) const;
    // True once `part` was written, anywhere.
    [[nodiscard]] bool wait_for_text(std::string_view part, Deadline deadline = Deadline{}) const;
    // True once the child, and all who share the output with it, have closed it.
    [[nodiscard]] bool wait_for_end(Deadline deadline = Deadline{}) const;

private:
    void read_all();

    int descriptor_;
    int wake_;  // an eventfd: ends the reading although somebody still holds the other end
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::string text_;
    bool ended_ = false;
    std::thread reader_;
};

struct Command {
    std::vector<std::string> words;  // the program first; found in PATH when it has no slash
    std::filesystem::path directory{};
    std::vector<std::pair<std::string, std::string>> environment{};  // on top of ours
    std::string input{};  // what stdin gives before it ends
    // Handed over as systemd does: each a name and a descriptor, which stays the caller's.
    std::vector<std::pair<std::string, int>> sockets{};
};

// How a child ended: its exit status, or the signal that killed it.
struct Ended {
    int status = -1;
    int signal = 0;
    bool operator==(const Ended&) const = default;
};

class Process {
public:
    explicit Process(const Command& command);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] const Output& out() const noexcept { return *out_; }
    [[nodiscard]] const Output& err() const noexcept { return *err_; }
    void signal(int number) const;
    [[nodiscard]] bool running();
    // Waits for the child's end and for the end of its outputs.
    Ended wait(Deadline deadline = Deadline{});

private:
    pid_t pid_ = -1;
    std::optional<Ended> ended_;
    std::unique_ptr<Output> out_;
    std::unique_ptr<Output> err_;
};

// Runs a command to its end.
struct Finished {
    Ended ended;
    std::string out;
    std::string err;
};
[[nodiscard]] Finished run(const Command& command, Deadline deadline = Deadline{});

// Memory of a process that is in RAM now, without pages of files.
[[nodiscard]] std::size_t resident_bytes(pid_t pid);
// Sockets it has open now. (A broker looks into files, too, whenever it likes.)
[[nodiscard]] std::size_t open_sockets(pid_t pid);

}  // namespace hpfeeds::support
