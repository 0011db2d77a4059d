// SPDX-License-Identifier: Apache-2.0
#include "top.hpp"

#include "client/tcp_connect.hpp"
#include "hpfeeds/error.hpp"
#include "top_exporter.hpp"
#include "top_rates.hpp"
#include "top_screen.hpp"
#include "top_terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <optional>
#include <utility>

namespace hpfeeds::cli {
namespace {

using namespace top_view;
using Woken = Terminal::Woken;

class Top {
public:
    Top(const TopOptions& options, const Console& console)
        : options_(options),
          console_(console),
          exporter_(options.host, options.port, console.stop) {
        now_.exporter = exporter_.text();
    }

    int run() {
        newest_ = exporter_.look(now_.order);  // what fails at first is the user's to mend
        show_view();
        const bool terminal = isatty(console_.in) == 1 && isatty(console_.out) == 1;
        if (options_.json) return print_json();
        return options_.once || !terminal ? print_once() : live();
    }

private:
    // Another look. What fails is told on the screen, and the last view stays.
    void look() {
        try {
            Snapshot next = exporter_.look(now_.order);
            before_ = std::exchange(newest_, std::move(next));
            now_.trouble.clear();
            show_view();
        } catch (const Error& error) {
            now_.trouble = std::string(error.what()) + "; still trying";
        }
    }

    void show_view() {
        view_ = view_of(before_ ? &*before_ : nullptr, newest_);
        sort_rows(view_, now_.order);
    }

    // False when the user wants to end.
    [[nodiscard]] bool pause() const {
        return static_cast<bool>(
            client::wait_until_ready(console_.stop, POLLIN, client::in(options_.interval), -1));
    }

    int print_once() {
        if (!pause()) return exit_failed;
        look();
        if (!now_.trouble.empty()) throw Error(now_.trouble);
        Screen screen{100, 0};
        winsize size{};
        if (ioctl(console_.out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
            screen.width = size.ws_col;
        std::string all;
        for (const std::string& line : lines_of(view_, now_, screen))
            all += line + "\n";
        return Console::put(console_.out, all) ? exit_done : exit_failed;
    }

    int print_json() {
        while (pause()) {
            look();
            if (!now_.trouble.empty()) {
                if (options_.once) throw Error(now_.trouble);
                console_.complain(now_.trouble);
                continue;
            }
            if (!Console::put(console_.out, json_of(view_))) return exit_failed;
            if (options_.once) return exit_done;
        }
        return options_.once ? exit_failed : exit_done;
    }

    int live() {
        const Terminal terminal(console_.in, console_.out, console_.stop);
        now_.keys = true;
        auto due = client::in(options_.interval);
        for (;;) {
            if (!terminal.draw(lines_of(view_, now_, terminal.size()))) return exit_failed;
            char key = 0;
            switch (terminal.wait(due, key)) {
                case Woken::stopped:
                    return exit_done;
                case Woken::resized:
                    continue;
                case Woken::key:
                    if (key == 'q') return exit_done;
                    press(key);
                    continue;
                case Woken::time:
                    break;
            }
            if (!now_.paused) look();
            due = client::in(options_.interval);
        }
    }

    void press(char key) {
        if (key == 'p') now_.paused = !now_.paused;
        if (key != 's') return;
        now_.order = static_cast<Order>((static_cast<int>(now_.order) + 1) % order_count);
        sort_rows(view_, now_.order);
    }

    const TopOptions& options_;
    const Console& console_;
    Exporter exporter_;
    std::optional<Snapshot> before_;
    Snapshot newest_;
    View view_;
    Circumstances now_;
};

}  // namespace

int top(const TopOptions& options, const Console& console) {
    return Top(options, console).run();
}

}  // namespace hpfeeds::cli
