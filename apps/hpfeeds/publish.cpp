// SPDX-License-Identifier: Apache-2.0
#include "publish.hpp"

#include "hpfeeds/client.hpp"
#include "library_client.hpp"
#include "output.hpp"

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

// The session of one publish: the first loss is its end, and it has room for all that is published.
hpfeeds::ClientOptions session_options(const ClientOptions& options, std::size_t payload_bytes,
                                       const Console& console) {
    hpfeeds::ClientOptions session = library_options(options, console);
    session.reconnect = false;
    session.outbox.bytes_max += options.channels.size() * (payload_bytes + 1024);
    return session;
}

// For as long as there is progress: how large a message may be says nothing of how long it takes.
void wait_until_sent(Client& client, std::size_t all_bytes, const Console& console) {
    const ProgressLine line(console, all_bytes);
    std::error_code failed;
    std::size_t unsent_bytes = 0;
    do {
        client.flush(std::chrono::milliseconds(200), failed);
        unsent_bytes = client.stats().unsent_bytes;
        line.update(unsent_bytes);
    } while (failed == Errc::timed_out && unsent_bytes > 0);
}

// Throws hpfeeds::Error for what cannot be said in the protocol. What else goes wrong is close()'s
// to tell.
void publish_to_all(Client& client, const ClientOptions& options, const std::string& payload,
                    const Console& console) {
    for (const std::string& channel : options.channels) {
        std::error_code refused;
        client.publish(channel, payload, refused);
        if (refused == Errc::channel_too_long || refused == Errc::payload_too_large)
            throw Error("cannot publish to '" + one_line(channel) + "': " + refused.message());
        if (refused) return;
        if (options.debug)
            console.complain("debug: -> PUBLISH on " + one_line(channel) + ", " +
                             std::to_string(payload.size()) + " bytes");
    }
}

}  // namespace

std::size_t payload_bytes_max(const ClientOptions& options) {
    if (options.ident.size() > name_bytes_max)
        throw Error("the ident has " + std::to_string(options.ident.size()) +
                    " bytes, but hpfeeds allows at most 255");
    std::size_t least = message_bytes_max;
    for (const std::string& channel : options.channels) {
        if (channel.size() > name_bytes_max)
            throw Error("cannot publish to '" + one_line(channel) +
                        "': " + make_error_code(Errc::channel_too_long).message());
        least = std::min(least, hpfeeds::payload_bytes_max(options.ident, channel));
    }
    return least;
}

int publish(const ClientOptions& options, const std::string& payload, const Console& console) {
    std::optional<Client> client;
    try {
        client.emplace(session_options(options, payload.size(), console));
    } catch (const Error& error) {
        const bool silent = error.code() == Errc::timed_out;
        console.complain(error.what() + std::string(silent ? hint_for_silence(options) : ""));
        return exit_failed;
    }
    static_cast<void>(
        Console::put(console.out, status_line("connected to " + one_line(client->broker_name()))));
    publish_to_all(*client, options, payload, console);
    wait_until_sent(*client, options.channels.size() * payload.size(), console);
    std::error_code failed;
    client->close(failed);
    if (failed == Errc::unconfirmed) {
        console.complain("sent, but the broker did not confirm by closing the connection in time");
    } else if (failed) {
        const std::string why = client->last_error();
        console.complain(failed == Trouble::refusal ? why : "sending failed: " + why);
        return exit_failed;
    }
    static_cast<void>(Console::put(console.out, status_line("closing connection.")));
    return exit_done;
}

}  // namespace hpfeeds::cli
