// SPDX-License-Identifier: Apache-2.0
#include "top_terminal.hpp"

#include "console.hpp"
#include "hpfeeds/error.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace hpfeeds::cli::top_view {
namespace {

constexpr const char* enter = "\x1b[?1049h\x1b[?25l";  // another screen, no cursor
constexpr const char* leave = "\x1b[?25h\x1b[?1049l";

int resized_event = -1;  // all that the handler may touch

void note_resize(int) {
    const int before = errno;
    static_cast<void>(eventfd_write(resized_event, 1));
    errno = before;
}

}  // namespace

Terminal::Terminal(int in, int out, int stop)
    : in_(in), out_(out), stop_(stop), resized_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (resized_ < 0 || tcgetattr(in_, &before_) != 0)
        throw Error(std::string("cannot use this terminal: ") + std::strerror(errno));
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // Ctrl+Z would leave the shell on our screen
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(in_, TCSANOW, &raw);
    resized_event = resized_;
    struct sigaction action {};
    action.sa_handler = note_resize;
    sigaction(SIGWINCH, &action, nullptr);
    static_cast<void>(Console::put(out_, enter));
}

Terminal::~Terminal() {
    std::signal(SIGWINCH, SIG_DFL);
    static_cast<void>(Console::put(out_, leave));
    tcsetattr(in_, TCSANOW, &before_);
    close(resized_);
}

Screen Terminal::size() const {
    winsize size{};
    if (ioctl(out_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
    return {size.ws_col, size.ws_row};
}

bool Terminal::draw(const std::vector<std::string>& lines) const {
    std::string all = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i)
        all += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
    return Console::put(out_, all + "\x1b[J");
}

Terminal::Woken Terminal::wait(client::Deadline deadline, char& key) const {
    std::array<pollfd, 3> watched{{{in_, POLLIN, 0}, {resized_, POLLIN, 0}, {stop_, POLLIN, 0}}};
    int ready = 0;
    do
        ready = poll(watched.data(), watched.size(), client::poll_timeout(deadline));
    while (ready < 0 && errno == EINTR);
    if (watched[2].revents != 0) return Woken::stopped;
    if (watched[1].revents != 0) {
        eventfd_t count = 0;
        static_cast<void>(eventfd_read(resized_, &count));
        return Woken::resized;
    }
    if (watched[0].revents == 0) return Woken::time;
    return read(in_, &key, 1) == 1 ? Woken::key : Woken::stopped;  // the terminal is gone
}

}  // namespace hpfeeds::cli::top_view
