// SPDX-License-Identifier: Apache-2.0
#include "publish.hpp"

#include "hpfeeds/error.hpp"
#include "output.hpp"
#include "session.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"

#include <unistd.h>
#include <algorithm>
#include <optional>

namespace hpfeeds::cli {
namespace {

constexpr std::size_t progress_from_bytes = 262'144;  // below, a progress line only flickers

// One line on a terminal that is overwritten, and wiped at the end.
class ProgressLine {
public:
    ProgressLine(const Console& console, std::size_t all_bytes)
        : console_(console),
          all_bytes_(all_bytes),
          shown_(all_bytes >= progress_from_bytes && isatty(console.err) == 1) {}
    ~ProgressLine() { print("\r\033[K"); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void update(std::size_t unsent_bytes) const {
        const std::size_t sent = all_bytes_ - std::min(unsent_bytes, all_bytes_);
        print("\rhpfeeds: " + std::to_string(sent / 1024) + " of " +
              std::to_string(all_bytes_ / 1024) + " KiB sent");
    }

private:
    void print(const std::string& text) const {
        if (shown_) static_cast<void>(Console::put(console_.err, text));
    }
    const Console& console_;
    std::size_t all_bytes_;
    bool shown_;
};

// Reads until the broker closes, which says that it worked through everything.
std::optional<Failure> wait_for_verdict(Session& session, std::chrono::milliseconds timeout,
                                        bool& confirmed) {
    const auto deadline = client::in(timeout);
    for (;;) {
        Session::Event event;
        if (auto failed = session.next(event)) return failed;
        if (event.kind != Session::Kind::none) continue;
        auto failed = session.receive(deadline);
        if (!failed) continue;
        confirmed = failed->kind == Failure::Kind::closed;
        const bool late = failed->kind == Failure::Kind::lost && client::Clock::now() >= deadline;
        // Late, but everything reached the broker's machine: no failure that we know of.
        if (confirmed || (late && session.connection().unacknowledged_bytes() == 0)) return {};
        failed->text = "the message may be lost: " +
                       (late ? "the broker did not take all of it in time" : failed->text);
        return failed;
    }
}

std::optional<Failure> send_all(Session& session, std::size_t all_bytes, const Console& console,
                                std::chrono::milliseconds timeout) {
    std::optional<Failure> failed;
    {
        const ProgressLine line(console, all_bytes);
        failed = session.flush([&](std::size_t unsent) { line.update(unsent); });
    }
    if (failed) return failed;
    session.debug("everything is sent; waiting for the broker to close");
    if (session.connection().finish_writing(client::in(timeout)))
        return Failure{Failure::Kind::lost,
                       "sending failed: " + session.connection().explanation()};
    return {};
}

}  // namespace

std::size_t payload_bytes_max(const ClientOptions& options) {
    const client::ClientMachine machine(options.ident, options.secret);
    std::size_t longest = 0;
    for (const std::string& channel : options.channels) {
        if (const auto refused = machine.check_publish(channel, 0))
            throw Error("cannot publish to '" + one_line(channel) + "': " + refused.message());
        longest = std::max(longest, channel.size());
    }
    return wire::publish_frame_bytes_max -
           wire::publish_frame_bytes(options.ident.size(), longest, 0);
}

int publish(const ClientOptions& options, const std::string& payload, const Console& console) {
    Session session(options, console);
    if (const auto failed = session.open()) {
        console.complain(failed->text);
        return exit_failed;
    }
    static_cast<void>(
        Console::put(console.out, status_line("connected to " + one_line(session.broker_name()))));
    for (const std::string& channel : options.channels) {
        if (const auto refused = session.machine().publish(channel, wire::as_bytes(payload)))
            throw Error("cannot publish to '" + one_line(channel) + "': " + refused.message());
        session.debug("-> PUBLISH on " + one_line(channel) + ", " + std::to_string(payload.size()) +
                      " bytes");
    }
    const auto unsent =
        send_all(session, session.machine().unsent().size(), console, options.timeout);
    // A broker that refuses may close before it has read everything; why is what counts, so we read
    // in any case.
    bool confirmed = false;
    auto failed = wait_for_verdict(session, options.timeout, confirmed);
    if (!failed || failed->kind != Failure::Kind::refused)
        if (unsent) failed = unsent;
    if (failed) {
        console.complain(failed->text);
        return exit_failed;
    }
    if (!confirmed)
        console.complain("sent, but the broker did not confirm by closing the connection in time");
    static_cast<void>(Console::put(console.out, status_line("closing connection.")));
    return exit_done;
}

}  // namespace hpfeeds::cli
