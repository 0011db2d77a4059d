// SPDX-License-Identifier: Apache-2.0
#include "auth/text_file.hpp"

#include "auth/file_identity.hpp"
#include "auth/limits.hpp"
#include "hpfeeds/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace hpfeeds::auth {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
    throw Error(what + ": " + std::strerror(error));
}

// A file under a name of its own until it is put into place; removed when that did not come to
// pass.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& target) : path_(target) {
        path_.insert(path_.rfind('/') == std::string::npos ? 0 : path_.rfind('/') + 1, ".");
        path_ += ".XXXXXX";
        descriptor_ = Descriptor(::mkostemp(path_.data(), O_CLOEXEC));
        if (!descriptor_.open()) fail("cannot write into the directory of '" + target + "'", errno);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (!in_place_) ::unlink(path_.c_str());
    }

    [[nodiscard]] int number() const noexcept { return descriptor_.number(); }

    void write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t written = ::write(number(), text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) fail("cannot write '" + path_ + "'", errno);
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        if (::fsync(number()) != 0) fail("cannot write '" + path_ + "' to its disk", errno);
    }
    void put_in_place(const std::string& target) {
        if (::rename(path_.c_str(), target.c_str()) != 0)
            fail("cannot replace '" + target + "'", errno);
        in_place_ = true;
    }

private:
    std::string path_;
    Descriptor descriptor_;
    bool in_place_ = false;
};

// mkostemp made the file for its owner alone, which is right for a new one.
void copy_owner_and_mode(const std::string& target, int to) {
    struct stat old {};
    if (::stat(target.c_str(), &old) != 0) {
        if (errno == ENOENT) return;
        fail("cannot examine '" + target + "'", errno);
    }
    struct stat fresh {};
    if (::fstat(to, &fresh) != 0) fail("cannot examine the new '" + target + "'", errno);
    const bool same_owner = old.st_uid == fresh.st_uid && old.st_gid == fresh.st_gid;
    if (!same_owner && ::fchown(to, old.st_uid, old.st_gid) != 0)
        fail("cannot keep the owner of '" + target + "' (change it as that user, or as root)",
             errno);
    if (::fchmod(to, old.st_mode & 07777U) != 0)
        fail("cannot keep the permissions of '" + target + "'", errno);
}

}  // namespace

std::optional<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
    // O_NONBLOCK: a pipe of that name must not hold us.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.open()) {
        if (errno == ENOENT) throw Error("Cannot find '" + path + "'");
        fail("cannot read '" + path + "'", errno);
    }
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) fail("cannot examine '" + path + "'", errno);
    if (!S_ISREG(status.st_mode)) throw Error("'" + path + "' is not a regular file");
    const FileIdentity before = identity_of(status);

    std::string text;
    text.reserve(std::min(static_cast<std::size_t>(status.st_size), bytes_max));
    std::array<char, 65'536> piece;
    for (;;) {
        const ssize_t got = ::read(file.number(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("cannot read '" + path + "'", errno);
        if (got == 0) break;
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > bytes_max)
            throw Error("'" + path + "' has more than the " + std::to_string(bytes_max) +
                        " bytes that are read");
    }
    if (::fstat(file.number(), &status) != 0) fail("cannot examine '" + path + "'", errno);
    if (identity_of(status) != before) return std::nullopt;
    return text;
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string follow_links(std::string path) {
    std::array<char, PATH_MAX> link;
    for (unsigned followed = 0; followed < symlinks_max; ++followed) {
        const ssize_t bytes = ::readlink(path.c_str(), link.data(), link.size());
        if (bytes < 0) return path;  // no link, or nothing there
        const std::string target(link.data(), static_cast<std::size_t>(bytes));
        path = target.starts_with('/') ? target : directory_of(path) + '/' + target;
    }
    throw Error("'" + path + "' is a symbolic link that leads in a circle");
}

void replace_text_file(const std::string& target, std::string_view text) {
    TemporaryFile fresh(target);
    fresh.write(text);
    copy_owner_and_mode(target, fresh.number());
    fresh.put_in_place(target);
    // The new name must outlive a loss of power too.
    const Descriptor directory(
        ::open(directory_of(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.open()) ::fsync(directory.number());
}

DirectoryLock::DirectoryLock(const std::string& directory, std::chrono::milliseconds patience)
    : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!descriptor_.open()) fail("cannot open the directory '" + directory + "'", errno);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (::flock(descriptor_.number(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            fail("cannot lock the directory '" + directory + "'", errno);
        if (std::chrono::steady_clock::now() >= deadline)
            throw Error("another program is changing files in '" + directory + "'; try again");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

}  // namespace hpfeeds::auth
