// SPDX-License-Identifier: Apache-2.0
// top_terminal.hpp: the whole terminal for a while: a screen of our own, keys without Enter.
//
// What was there before comes back when the object goes, whatever ends the view; Ctrl+C stays a
// signal.
//
// Threads  one instance per process, one owner.    Errors  the constructor throws hpfeeds::Error.
#pragma once

#include "client/deadline.hpp"
#include "top_screen.hpp"

#include <termios.h>
#include <string>
#include <vector>

namespace hpfeeds::cli::top_view {

class Terminal {
public:
    Terminal(int in, int out, int stop);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] Screen size() const;
    // False when the terminal takes no more.
    [[nodiscard]] bool draw(const std::vector<std::string>& lines) const;

    enum class Woken { time, key, resized, stopped };
    // Until the deadline, a key (in `key`), another size, or the wish to end.
    [[nodiscard]] Woken wait(client::Deadline deadline, char& key) const;

private:
    int in_;
    int out_;
    int stop_;
    int resized_;  // an eventfd, written by the handler of SIGWINCH
    termios before_{};
};

}  // namespace hpfeeds::cli::top_view
