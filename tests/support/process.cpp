// SPDX-License-Identifier: Apache-2.0
#include "support/process.hpp"

#include "support/temporary_directory.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace hpfeeds::support {
namespace {

struct Pipe {
    int read = -1;
    int write = -1;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    return {ends[0], ends[1]};
}

// An unnamed file that holds `content`, at its start.
int file_with(const std::string& content) {
    const int file = static_cast<int>(::syscall(SYS_memfd_create, "stdin", 1U));
    if (file < 0) throw std::system_error(errno, std::generic_category(), "cannot hold stdin");
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t count = ::write(file, content.data() + done, content.size() - done);
        if (count <= 0) throw std::system_error(errno, std::generic_category(), "stdin");
        done += static_cast<std::size_t>(count);
    }
    ::lseek(file, 0, SEEK_SET);
    return file;
}

std::vector<std::string> merged_environment(const Command& command) {
    std::vector<std::string> merged;
    for (const auto& [name, value] : command.environment)
        merged.push_back(name + "=" + value);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& [ours, value] : command.environment)
            replaced = replaced || ours == name;
        if (!replaced) merged.emplace_back(text);
    }
    return merged;
}

constexpr std::size_t sockets_max = 16;
constexpr std::string_view pid_variable = "LISTEN_PID=";

// What systemd says of descriptors that it hands over; the pid is not known before the fork.
void announce_sockets(const Command& command, std::vector<std::string>& environment) {
    if (command.sockets.empty()) return;
    if (command.sockets.size() > sockets_max) throw std::runtime_error("too many sockets");
    std::string names;
    for (const auto& [name, descriptor] : command.sockets)
        names += (names.empty() ? "" : ":") + name;
    environment.push_back(std::string(pid_variable) + "00000000000");
    environment.push_back("LISTEN_FDS=" + std::to_string(command.sockets.size()));
    environment.push_back("LISTEN_FDNAMES=" + names);
}

// In the child, after fork: only calls that are safe there.
void hand_over_sockets(const Command& command, const std::vector<char*>& environment) {
    if (command.sockets.empty()) return;
    // First out of the way: a socket's own number may be another one's target.
    std::array<int, sockets_max> copies{};
    std::size_t count = 0;
    for (const auto& [name, descriptor] : command.sockets)
        copies.at(count++) = ::fcntl(descriptor, F_DUPFD, 3 + static_cast<int>(sockets_max));
    for (std::size_t i = 0; i < count; ++i) {
        if (::dup2(copies.at(i), 3 + static_cast<int>(i)) < 0) ::_exit(126);
        ::close(copies.at(i));
    }
    for (char* entry : environment) {
        if (entry == nullptr || std::string_view(entry).substr(0, 11) != pid_variable) continue;
        char* digit = entry + std::strlen(entry);
        for (pid_t rest = ::getpid(); digit[-1] != '='; rest /= 10)
            *--digit = static_cast<char>('0' + rest % 10);
    }
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Output::Output(int descriptor)
    : descriptor_(descriptor), wake_(::eventfd(0, EFD_CLOEXEC)), reader_([this] { read_all(); }) {}

Output::~Output() {
    ::eventfd_write(wake_, 1);
    reader_.join();
    ::close(wake_);
    ::close(descriptor_);
}

void Output::read_all() {
    std::array<char, 65536> chunk{};
    while (true) {
        std::array<pollfd, 2> entries{{{descriptor_, POLLIN, 0}, {wake_, POLLIN, 0}}};
        if (::poll(entries.data(), entries.size(), -1) < 0) continue;
        const ssize_t count =
            entries[0].revents == 0 ? 0 : ::read(descriptor_, chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) continue;
        const std::lock_guard lock(mutex_);
        if (count <= 0) {
            ended_ = true;
            changed_.notify_all();
            return;
        }
        text_.append(chunk.data(), static_cast<std::size_t>(count));
        changed_.notify_all();
    }
}

std::string Output::text() const {
    const std::lock_guard lock(mutex_);
    return text_;
}

std::vector<std::string> Output::lines() const {
    std::istringstream in(text());
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

std::optional<std::string> Output::wait_for_line(
    const std::function<bool(std::string_view)>& wanted, Deadline deadline,
    std::size_t first) const {
    std::unique_lock lock(mutex_);
    std::size_t start = 0;
    std::size_t number = 0;
    while (true) {
        for (std::size_t end; (end = text_.find('\n', start)) != std::string::npos;) {
            const std::string_view line = std::string_view(text_).substr(start, end - start);
            start = end + 1;
            if (number++ >= first && wanted(line)) return std::string(line);
        }
        if (ended_) return std::nullopt;
        if (changed_.wait_until(lock, deadline.when()) == std::cv_status::timeout &&
            text_.find('\n', start) == std::string::npos)
            return std::nullopt;
    }
}

bool Output::wait_for_text(std::string_view part, Deadline deadline) const {
    std::unique_lock lock(mutex_);
    const auto there = [&] { return text_.find(part) != std::string::npos; };
    changed_.wait_until(lock, deadline.when(), [&] { return ended_ || there(); });
    return there();
}

bool Output::wait_for_end(Deadline deadline) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline.when(), [&] { return ended_; });
}

Process::Process(const Command& command) {
    std::vector<std::string> words = command.words;
    std::vector<std::string> environment = merged_environment(command);
    announce_sockets(command, environment);
    const std::vector<char*> word_pointers = pointers_to(words);
    const std::vector<char*> environment_pointers = pointers_to(environment);
    const int in = file_with(command.input);
    const Pipe out = make_pipe();
    const Pipe err = make_pipe();
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        // Between fork and exec only calls that are safe in a process with threads.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);
        ::dup2(in, STDIN_FILENO);
        ::dup2(out.write, STDOUT_FILENO);
        ::dup2(err.write, STDERR_FILENO);
        if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0) ::_exit(126);
        hand_over_sockets(command, environment_pointers);
        ::execvpe(word_pointers[0], word_pointers.data(), environment_pointers.data());
        static constexpr std::string_view why = "cannot be run: ";
        (void)!::write(STDERR_FILENO, why.data(), why.size());
        (void)!::write(STDERR_FILENO, words[0].data(), words[0].size());
        ::_exit(127);
    }
    ::close(in);
    ::close(out.write);
    ::close(err.write);
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
    out_ = std::make_unique<Output>(out.read);
    err_ = std::make_unique<Output>(err.read);
}

Process::~Process() {
    if (!ended_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void Process::signal(int number) const {
    if (!ended_) ::kill(pid_, number);
}

bool Process::running() {
    if (ended_) return false;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
    ended_ = WIFSIGNALED(status) ? Ended{-1, WTERMSIG(status)} : Ended{WEXITSTATUS(status), 0};
    return false;
}

Ended Process::wait(Deadline deadline) {
    // A pidfd becomes readable when the process ends: a wait with a deadline, without sleeping.
    if (running()) {
        const int watch = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
        if (watch < 0) throw std::system_error(errno, std::generic_category(), "pidfd_open");
        pollfd entry{watch, POLLIN, 0};
        while (::poll(&entry, 1, deadline.left_ms()) < 0 && errno == EINTR) {
        }
        ::close(watch);
        if (running())
            throw std::runtime_error("the child still runs after its deadline; its stderr:\n" +
                                     err_->text());
    }
    if (!out_->wait_for_end(deadline) || !err_->wait_for_end(deadline))
        throw std::runtime_error("the child ended, but somebody holds its output open");
    return *ended_;
}

Finished run(const Command& command, Deadline deadline) {
    Process process(command);
    const Ended ended = process.wait(deadline);
    return {ended, process.out().text(), process.err().text()};
}

std::size_t resident_bytes(pid_t pid) {
    std::istringstream status(read_file("/proc/" + std::to_string(pid) + "/status"));
    std::size_t kibibytes = 0;
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:") || line.starts_with("RssShmem:"))
            kibibytes += std::stoull(line.substr(line.find(':') + 1));
    if (kibibytes == 0)
        throw std::runtime_error("no memory in the status of process " + std::to_string(pid));
    return kibibytes * 1024;
}

std::size_t open_sockets(pid_t pid) {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
        std::error_code gone;  // closed meanwhile
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        count += target.starts_with("socket:") ? 1 : 0;
    }
    return count;
}

}  // namespace hpfeeds::support
