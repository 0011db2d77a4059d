// SPDX-License-Identifier: Apache-2.0
#include "auth/file_watch.hpp"

#include "auth/file_identity.hpp"
#include "auth/limits.hpp"
#include "auth/text_file.hpp"
#include "auth/worker_thread.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <set>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace hpfeeds::auth {
namespace {

constexpr std::uint32_t name_events = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
constexpr std::uint32_t content_events =
    IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_MASK_ADD;

std::string absolute(const std::string& path) {
    if (path.starts_with('/')) return path;
    std::array<char, PATH_MAX> here;
    if (::getcwd(here.data(), here.size()) == nullptr) return path;
    return std::string(here.data()) + '/' + path;
}

std::string in_directory(const std::string& directory, std::string_view name) {
    std::string path = directory == "/" ? std::string() : directory;
    path += '/';
    path += name;
    return path;
}

// Cuts the first name off a path such as "a//b/c".
std::string take_name(std::string& path) {
    path.erase(0, path.find_first_not_of('/'));
    const std::size_t slash = std::min(path.find('/'), path.size());
    std::string name = path.substr(0, slash);
    path.erase(0, slash);
    path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
    return name;
}

std::int64_t system_clock_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

// The inotify watches for one state of the path. After a change the whole is made anew, which is
// simpler than to mend it and as good: the new watches stand before the file is read, so no later
// change is missed.
class FileWatch::Watches {
public:
    Watches(const std::string& path, bool inotify) : path_(path), read_at_ns_(system_clock_ns()) {
        if (inotify) {
            inotify_ = Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
            if (inotify_.open())
                watch_way(absolute(path));
            else
                report("inotify_init1");
        }
        identity_ = identity_of(path_.c_str());
    }

    [[nodiscard]] int descriptor() const noexcept { return inotify_.number(); }

    // Takes all waiting events; whether one of them matters.
    [[nodiscard]] bool drain() {
        bool matters = false;
        alignas(inotify_event) std::array<char, 16'384> events;
        for (;;) {
            const ssize_t bytes = ::read(descriptor(), events.data(), events.size());
            if (bytes <= 0) return matters;
            for (std::size_t at = 0; at < static_cast<std::size_t>(bytes);) {
                inotify_event event{};
                std::memcpy(&event, events.data() + at, sizeof event);
                const char* name = events.data() + at + sizeof event;
                const std::string_view of =
                    event.len == 0 ? std::string_view() : std::string_view(name);
                matters = matters || is_about_us(event, of);
                at += sizeof event + event.len;
            }
        }
    }

    // Whether the file differs from the one these watches were made for.
    [[nodiscard]] bool differs() {
        const FileIdentity now = identity_of(path_.c_str());
        if (now != identity_) return true;
        return may_hide_a_change(now, read_at_ns_);
    }

private:
    // Follows the path as the kernel does, and watches each directory for the one name that is
    // looked up in it.
    void watch_way(std::string rest) {
        std::string directory = "/";
        unsigned links = 0;
        while (!rest.empty()) {
            const std::string name = take_name(rest);
            if (name.empty() || name == ".") continue;
            if (name == "..") {
                directory = directory_of(directory);
                continue;
            }
            // First the watch, then the look: what changes between the two is told.
            add(directory, name_events, name);
            const std::string here = in_directory(directory, name);
            std::array<char, PATH_MAX> link;
            const ssize_t bytes = ::readlink(here.c_str(), link.data(), link.size());
            if (bytes < 0) {
                if (errno != EINVAL) return;  // nothing there yet; its creation will be told
                directory = here;
                if (rest.empty()) add(here, content_events, {});
                continue;
            }
            if (++links > symlinks_max) return;
            const std::string target(link.data(), static_cast<std::size_t>(bytes));
            if (target.starts_with('/')) directory = "/";
            rest = rest.empty() ? target : target + '/' + rest;
        }
    }

    void add(const std::string& path, std::uint32_t events, const std::string& name) {
        const int watch = ::inotify_add_watch(descriptor(), path.c_str(), events);
        if (watch >= 0)
            names_[watch].insert(name);
        else if (errno == ENOSPC || errno == ENOMEM)
            report("inotify_add_watch");
    }

    [[nodiscard]] bool is_about_us(const inotify_event& event, std::string_view name) const {
        constexpr std::uint32_t always =
            IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;
        if ((event.mask & always) != 0) return true;
        const auto watched = names_.find(event.wd);
        return watched != names_.end() && watched->second.contains(name);
    }

    void report(const char* call) {
        log::warning("the system sends no events for this file; it is compared now and then",
                     {{"file", path_}, {"call", call}, {"error", std::strerror(errno)}});
    }

    const std::string path_;
    const std::int64_t read_at_ns_;
    FileIdentity identity_;
    Descriptor inotify_;
    // Per watch the names that matter in it; the empty name stands for the watched thing itself.
    std::unordered_map<int, std::set<std::string, std::less<>>> names_;
};

FileWatch::FileWatch(std::string path, std::function<void()> changed, Options options)
    : path_(std::move(path)),
      changed_(std::move(changed)),
      options_(options),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stop_.open())
        throw Error("cannot watch '" + path_ + "': eventfd: " + std::strerror(errno));
    try {
        thread_ = start_worker_thread("file-watch", [this] { run(); });
    } catch (const std::system_error& error) {
        throw Error("cannot watch '" + path_ + "': " + error.what());
    }
}

FileWatch::~FileWatch() {
    const std::uint64_t once = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_.number(), &once, sizeof once);
    thread_.join();
}

void FileWatch::run() {
    for (;;) {
        Watches watches(path_, options_.inotify);
        changed_();
        if (!wait_for_change(watches) || !settle(watches)) return;
    }
}

FileWatch::Wake FileWatch::wait(Watches& watches, std::chrono::milliseconds patience) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        std::array<pollfd, 2> waiting{
            {{stop_.number(), POLLIN, 0}, {watches.descriptor(), POLLIN, 0}}};
        const int ready = ::poll(waiting.data(), waiting.size(),
                                 static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (waiting[0].revents != 0) return Wake::stop;
        if (ready == 0) return Wake::timeout;
        if (waiting[1].revents != 0 && watches.drain()) return Wake::change;
        if (left.count() <= 0) return Wake::timeout;
    }
}

// False: the watch ends.
bool FileWatch::wait_for_change(Watches& watches) const {
    for (;;) {
        const Wake wake = wait(watches, options_.poll);
        if (wake == Wake::stop) return false;
        if (wake == Wake::change || watches.differs()) return true;
    }
}

bool FileWatch::settle(Watches& watches) const {
    const auto deadline = std::chrono::steady_clock::now() + options_.settle_max;
    while (std::chrono::steady_clock::now() < deadline) {
        const Wake wake = wait(watches, options_.settle);
        if (wake == Wake::stop) return false;
        if (wake == Wake::timeout) break;
    }
    return true;
}

}  // namespace hpfeeds::auth
