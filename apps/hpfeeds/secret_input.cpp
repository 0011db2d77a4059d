// SPDX-License-Identifier: Apache-2.0
#include "secret_input.hpp"

#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "guarded.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace hpfeeds::cli {
namespace {

// Byte for byte: what stands behind the first line of standard input is somebody else's.
std::string first_line(int descriptor, const std::string& where) {
    std::string secret;
    for (char byte = 0;;) {
        const ssize_t got = ::read(descriptor, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            throw UsageError("cannot read the secret from " + where + ": " + std::strerror(errno));
        if (got == 0 || byte == '\n') break;
        secret += byte;
        if (secret.size() > auth::secret_bytes_max)
            throw UsageError("the secret in " + where + " is longer than 64 KiB");
    }
    if (secret.ends_with('\r')) secret.pop_back();
    if (secret.empty()) throw UsageError(where + " holds no secret in its first line");
    return secret;
}

}  // namespace

std::string secret_from_file(const std::string& path, int in) {
    if (path == "-") return first_line(in, "standard input");
    const std::string where = "'" + auth::printable(path) + "'";
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        throw UsageError("cannot read the secret from " + where + ": " + std::strerror(errno));
    try {
        std::string secret = first_line(file, where);
        ::close(file);
        return secret;
    } catch (...) {
        ::close(file);
        throw;
    }
}

std::string secret_from_environment(const std::string& variable) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0')
        throw UsageError("the environment variable " + auth::in_quotes(variable) +
                         " holds no secret");
    return value;
}

}  // namespace hpfeeds::cli
