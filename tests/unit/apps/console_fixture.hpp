// SPDX-License-Identifier: Apache-2.0
// console_fixture.hpp: a console whose output a test can read.
#pragma once

#include "console.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace hpfeeds::cli::testing {

class CapturedConsole {
public:
    explicit CapturedConsole(std::string_view input = {}) {
        static_cast<void>(Console::put(in_, input));
        lseek(in_, 0, SEEK_SET);
    }
    ~CapturedConsole() {
        for (const int descriptor : {in_, out_, err_, stop_})
            close(descriptor);
    }
    CapturedConsole(const CapturedConsole&) = delete;
    CapturedConsole& operator=(const CapturedConsole&) = delete;

    [[nodiscard]] Console console() const { return {in_, out_, err_, stop_}; }
    // As Ctrl+C does.
    void ask_to_stop() const { eventfd_write(stop_, 1); }
    [[nodiscard]] std::string out() const { return content(out_); }
    [[nodiscard]] std::string err() const { return content(err_); }

private:
    static std::string content(int descriptor) {
        std::string text;
        std::array<char, 4096> room{};
        for (;;) {
            const ssize_t taken =
                pread(descriptor, room.data(), room.size(), static_cast<off_t>(text.size()));
            if (taken <= 0) return text;
            text.append(room.data(), static_cast<std::size_t>(taken));
        }
    }
    int in_ = memfd_create("in", MFD_CLOEXEC);
    int out_ = memfd_create("out", MFD_CLOEXEC);
    int err_ = memfd_create("err", MFD_CLOEXEC);
    int stop_ = eventfd(0, EFD_CLOEXEC);
};

// A folder that goes with the test.
class Folder {
public:
    Folder() {
        std::string pattern = std::filesystem::temp_directory_path() / "hpfeeds-cli-XXXXXX";
        path_ = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return path_ / name; }
    std::string write(const std::string& name, std::string_view content) const {
        std::ofstream(path(name), std::ios::binary) << content;
        return path(name);
    }
    [[nodiscard]] std::string read(const std::string& name) const {
        std::ostringstream content;
        content << std::ifstream(path(name), std::ios::binary).rdbuf();
        return content.str();
    }

private:
    std::filesystem::path path_;
};

}  // namespace hpfeeds::cli::testing
