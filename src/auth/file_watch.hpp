// SPDX-License-Identifier: Apache-2.0
// file_watch.hpp: tells when what a path leads to has changed.
//
// Notices writes in place, renames over the name, deletion and creation, and the swap of any
// symbolic link or directory on the way (Kubernetes swaps `..data`). For that every directory on
// the way is watched with inotify, and the file. File systems that send no such events are met by
// comparing the file's identity now and then.
//
// A change is told when it has settled, so a writer of many pieces causes one call; a false alarm
// is possible, a missed change is not.
//
// Threads  `changed` is called on the watch's own thread: once at the start, then after every
// change. The destructor waits
//          for a call under way and there is none afterwards.
// Errors   the constructor throws hpfeeds::Error when the system gives no descriptor or thread.
// Without inotify (its limits
//          can be reached) the comparing remains, and a warning is logged.
#pragma once

#include "auth/descriptor.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace hpfeeds::auth {

class FileWatch {
public:
    struct Options {
        std::chrono::milliseconds settle{50};  // quiet for so long: the change is whole
        std::chrono::milliseconds settle_max{
            1'000};  // a file that is always written to is read all the same
        std::chrono::milliseconds poll{5'000};  // between comparisons
        bool inotify = true;
    };

    FileWatch(std::string path, std::function<void()> changed, Options options);
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;
    ~FileWatch();

private:
    class Watches;
    enum class Wake { stop, change, timeout };

    void run();
    [[nodiscard]] Wake wait(Watches& watches, std::chrono::milliseconds patience) const;
    [[nodiscard]] bool wait_for_change(Watches& watches) const;
    [[nodiscard]] bool settle(Watches& watches) const;

    const std::string path_;
    const std::function<void()> changed_;
    const Options options_;
    Descriptor stop_;  // an eventfd: readable once the thread shall end
    std::thread thread_;
};

}  // namespace hpfeeds::auth
