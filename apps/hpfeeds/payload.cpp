// SPDX-License-Identifier: Apache-2.0
#include "payload.hpp"

#include "hpfeeds/error.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace hpfeeds::cli {
namespace {

void check_size(std::size_t bytes, std::size_t bytes_max, const std::string& name) {
    if (bytes > bytes_max)
        throw Error(name + " is too large: a message on this channel holds at most " +
                    std::to_string(bytes_max) + " bytes");
}

std::string read_all(int descriptor, std::size_t bytes_max, const std::string& name) {
    std::string payload;
    std::array<char, 65'536> room{};
    for (;;) {
        const ssize_t taken = read(descriptor, room.data(), room.size());
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) throw Error("cannot read " + name + ": " + std::strerror(errno));
        if (taken == 0) return payload;
        payload.append(room.data(), static_cast<std::size_t>(taken));
        check_size(payload.size(), bytes_max, name);
    }
}

}  // namespace

std::string payload_of_file(const std::string& path, std::size_t bytes_max,
                            const Console& console) {
    if (path == "-") return read_all(console.in, bytes_max, "standard input");
    const std::string name = "'" + path + "'";
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw Error("cannot read " + name + ": " + std::strerror(errno));
    try {
        std::string payload = read_all(descriptor, bytes_max, name);
        close(descriptor);
        return payload;
    } catch (...) {
        close(descriptor);
        throw;
    }
}

std::string payload_of_words(const std::vector<std::string>& words, std::size_t bytes_max,
                             const Console& console) {
    if (words.size() == 1) {
        std::error_code no_such_file;
        if (words.front() == "-") return payload_of_file("-", bytes_max, console);
        if (std::filesystem::is_regular_file(words.front(), no_such_file))
            return payload_of_file(words.front(), bytes_max, console);
    }
    std::string payload;
    for (const std::string& word : words)
        payload += (&word == &words.front() ? "" : " ") + word;
    check_size(payload.size(), bytes_max, "the payload");
    return payload;
}

}  // namespace hpfeeds::cli
