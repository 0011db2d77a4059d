// SPDX-License-Identifier: Apache-2.0
// file_identity.hpp: what tells whether a file is still the one, with the content, that was seen
// before.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace hpfeeds::auth {

// All zero for a file that cannot be seen. The change time moves with every write and cannot be set
// back, as the modification time can (`cp -p`).
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t bytes = 0;
    std::int64_t changed_ns = 0;  // since the epoch, as the file system's clock has it

    [[nodiscard]] bool exists() const noexcept { return inode != 0; }
    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// File system clocks are coarse: a write within the same tick as another leaves the identity as it
// was. So a file that was young when it was read, or is younger than the reading, may have changed
// since without a trace.
[[nodiscard]] inline bool may_hide_a_change(const FileIdentity& seen,
                                            std::int64_t read_at_ns) noexcept {
    constexpr std::int64_t young_ns = 2'000'000'000;
    return seen.exists() && read_at_ns - seen.changed_ns < young_ns;
}

[[nodiscard]] inline FileIdentity identity_of(const struct stat& status) noexcept {
    return {status.st_dev, status.st_ino, status.st_size,
            std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

// Follows symbolic links; errno says why when the answer does not exist().
[[nodiscard]] inline FileIdentity identity_of(const char* path) noexcept {
    struct stat status {};
    return ::stat(path, &status) == 0 ? identity_of(status) : FileIdentity{};
}

}  // namespace hpfeeds::auth
