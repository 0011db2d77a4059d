// SPDX-License-Identifier: Apache-2.0
#include "message_log.hpp"

#include "hpfeeds/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace hpfeeds::cli {
namespace {

// Waits until `descriptor` takes bytes; without `waits`, only asks. False when it does not, or
// when `stop` is readable.
bool takes_bytes(int descriptor, bool waits, int stop) {
    std::array<pollfd, 2> watched{{{descriptor, POLLOUT, 0}, {stop, POLLIN, 0}}};
    for (;;) {
        const int ready = poll(watched.data(), watched.size(), waits ? -1 : 0);
        if (ready < 0 && errno == EINTR) continue;
        return ready > 0 && watched[1].revents == 0;
    }
}

}  // namespace

MessageLog::MessageLog(const SubscribeOptions& options, const Console& console)
    : console_(console),
      out_format_(options.output.empty() ? options.format : Format::text),
      file_format_(options.format),
      file_name_(options.output) {
    if (file_name_.empty()) return;
    file_ = open(file_name_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file_ < 0)
        throw Error("cannot write to '" + file_name_ + "' (--output): " + std::strerror(errno));
}

MessageLog::~MessageLog() {
    if (file_ >= 0) close(file_);
}

void MessageLog::message(const Message& message) {
    const Time now = std::chrono::system_clock::now();
    for_out_ += format_message(out_format_, message, now);
    if (file_ >= 0) for_file_ += format_message(file_format_, message, now);
}

void MessageLog::status(std::string_view what) {
    if (out_format_ == Format::text)
        for_out_ += status_line(what);
    else
        static_cast<void>(Console::put(console_.err, status_line(what)));
}

bool MessageLog::flush() {
    if (file_ >= 0 && !write_out(file_, for_file_, "'" + file_name_ + "'")) return false;
    return write_out(console_.out, for_out_, "standard output");
}

// A pipe whose reader is slow may hold a write for long. A signal ends that write; from then on
// only what a pipe takes without waiting is written, and the rest is given up.
bool MessageLog::write_out(int descriptor, std::string& text, const std::string& name) const {
    std::string_view rest = text;
    while (!rest.empty()) {
        std::size_t piece = rest.size();
        if (!takes_bytes(descriptor, true, console_.stop)) {
            if (!takes_bytes(descriptor, false, -1)) return false;
            piece = std::min<std::size_t>(piece, PIPE_BUF);
        }
        const ssize_t written = write(descriptor, rest.data(), piece);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EPIPE) return false;
        if (written <= 0) throw Error("cannot write to " + name + ": " + std::strerror(errno));
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    text.clear();
    return true;
}

}  // namespace hpfeeds::cli
