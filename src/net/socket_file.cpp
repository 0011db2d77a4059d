// SPDX-License-Identifier: Apache-2.0
#include "net/socket_file.hpp"

#include "hpfeeds/error.hpp"
#include "net/descriptor.hpp"
#include "net/limits.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace hpfeeds::net {
namespace {

[[noreturn]] void fail(const std::string& label, const std::string& what) {
    throw Error("cannot listen on " + label + ": " + what);
}

sockaddr_un address_of(const std::string& path, const std::string& label) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        fail(label, "the path has " + std::to_string(path.size()) +
                        " bytes, and a socket's may have " +
                        std::to_string(sizeof address.sun_path - 1) + "; choose a shorter one");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// While it lives, no other broker looks at, removes or makes a socket in the same folder. Without
// the right to read the folder there is no lock.
class FolderLock {
public:
    explicit FolderLock(const std::string& path)
        : folder_(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        if (folder_.open()) (void)flock(folder_.get(), LOCK_EX);
    }

private:
    static std::string folder_of(const std::string& path) {
        const std::string folder = std::filesystem::path(path).parent_path();
        return folder.empty() ? "." : folder;
    }
    Descriptor folder_;  // closing it unlocks
};

// The error of connecting to the socket, or 0 when somebody listens.
int try_connect(const sockaddr_un& address) {
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!probe.open()) return errno;
    return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
               ? 0
               : errno;
}

// Removes what is at the path, if it is a socket at which nobody listens.
void remove_stale(const sockaddr_un& address, const std::string& label) {
    struct stat status {};
    if (lstat(address.sun_path, &status) != 0) return;  // gone meanwhile
    if (!S_ISSOCK(status.st_mode))
        fail(label, "the file is there, and is no socket; remove it, or choose another path");
    const int refused = try_connect(address);
    if (refused == ENOENT) return;
    if (refused != ECONNREFUSED)
        fail(label, "another program listens there; stop it, or choose another path");
    if (unlink(address.sun_path) != 0 && errno != ENOENT)
        fail(label,
             std::string("a dead broker's socket cannot be removed: ") + std::strerror(errno));
}

std::string remedy(int error) {
    switch (error) {
        case ENOENT:
            return "; make its folder first";
        case EACCES:
        case EPERM:
            return "; the broker's user must be allowed to write to its folder";
        case EADDRINUSE:
            return "; another program makes the same socket right now";
        default:
            return "";
    }
}

bool bind_to(int fd, const sockaddr_un& address) {
    return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

SocketFile::SocketFile(int fd, const SocketPlace& place, const std::string& label) {
    const sockaddr_un address = address_of(place.path, label);
    const FolderLock lock(place.path);
    // Linux gives the file the socket's mode, less the umask: so it is never open for more. What
    // the umask took is given back below.
    (void)fchmod(fd, place.mode);
    bool bound = bind_to(fd, address);
    if (!bound && errno == EADDRINUSE) {
        remove_stale(address, label);
        bound = bind_to(fd, address);
    }
    if (!bound) {
        const int error = errno;
        fail(label, std::strerror(error) + remedy(error));
    }
    struct stat status {};
    if (lstat(address.sun_path, &status) != 0)
        fail(label, std::string("the socket went away at once: ") + std::strerror(errno));
    path_ = place.path;
    device_ = status.st_dev;
    inode_ = status.st_ino;
    if (chmod(address.sun_path, place.mode) != 0 || listen(fd, listen_backlog) != 0) {
        const int error = errno;
        remove();
        fail(label, std::strerror(error));
    }
}

SocketFile SocketFile::adopt(const SocketPlace& place) {
    SocketFile file;
    struct stat status {};
    if (lstat(place.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return file;
    (void)chmod(place.path.c_str(), place.mode);
    file.path_ = place.path;
    file.device_ = status.st_dev;
    file.inode_ = status.st_ino;
    return file;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
}

void SocketFile::remove() noexcept {
    if (path_.empty()) return;
    struct stat status {};
    const bool ours =
        lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
    if (ours) unlink(path_.c_str());
    path_.clear();
}

}  // namespace hpfeeds::net
