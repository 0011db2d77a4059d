// SPDX-License-Identifier: Apache-2.0
// temporary_directory.hpp: a fresh, empty folder that goes away with its owner.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hpfeeds::support {

class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

// In place: the file keeps its inode, as an editor that does not rename leaves it.
void write_file(const std::filesystem::path& path, std::string_view content);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

}  // namespace hpfeeds::support
