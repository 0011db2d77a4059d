// SPDX-License-Identifier: Apache-2.0
#include "subscribe.hpp"

#include "hpfeeds/client.hpp"
#include "library_client.hpp"
#include "message_log.hpp"
#include "output.hpp"
#include "stop_watch.hpp"

#include <array>
#include <cstdio>
#include <optional>
#include <string>

namespace hpfeeds::cli {
namespace {

using Kind = ClientEvent::Kind;
using Stage = ClientEvent::Stage;

std::string seconds(std::chrono::milliseconds wait) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(wait.count()) / 1000.0);
    return text.data();
}

// Throws hpfeeds::Error for what does not fit into the protocol.
void check_names(const ClientOptions& options) {
    if (options.ident.size() > name_bytes_max)
        throw Error("the ident has " + std::to_string(options.ident.size()) +
                    " bytes, but hpfeeds allows at most 255");
    for (const std::string& channel : options.channels)
        if (channel.size() > name_bytes_max)
            throw Error("cannot subscribe to '" + one_line(channel) +
                        "': " + make_error_code(Errc::channel_too_long).message());
}

hpfeeds::ClientOptions session_options(const ClientOptions& options, const Console& console,
                                       const BackoffOptions& backoff) {
    check_names(options);
    hpfeeds::ClientOptions session = library_options(options, console);
    session.backoff = backoff;
    return session;
}

// Trying again cannot help, or only when somebody has changed something.
bool is_final(const ClientEvent& ended) {
    return ended.error == Trouble::refusal || ended.error == Errc::certificate_refused ||
           ended.error == Errc::certificate_unusable ||
           (ended.error == Errc::not_hpfeeds && ended.stage != Stage::exchanging);
}

class Subscriber {
public:
    Subscriber(const ClientOptions& options, const SubscribeOptions& how, const Console& console,
               const BackoffOptions& backoff)
        : options_(options),
          how_(how),
          console_(console),
          log_(how, console),
          client_(session_options(options, console, backoff)) {
        for (const std::string& channel : options.channels)
            client_.subscribe(channel);
    }

    int run() {
        const StopWatch watch(client_, console_.stop);
        for (;;) {
            ClientEvent event;
            if (!next(event)) return say_goodbye();
            switch (event.kind) {
                case Kind::message:
                    log_.message(
                        {event.message.ident, event.message.channel, event.message.payload});
                    if (++shown_ == how_.count) return say_goodbye();
                    break;
                case Kind::connected:
                    log_.status("connected to " + one_line(event.broker_name));
                    if (!log_.flush()) return say_goodbye();
                    break;
                case Kind::disconnected:
                    if (!log_.flush()) return say_goodbye();
                    if (!goes_on(event)) return exit_failed;
                    break;
                case Kind::trouble:
                    break;  // of a spool, which we do not have
            }
        }
    }

private:
    // False when the user wants to end, or nobody looks any more. What has come is shown before
    // more is waited for, and in one go.
    bool next(ClientEvent& event) {
        std::error_code error;
        if (client_.read_event(event, std::chrono::milliseconds(0), error)) return true;
        if (error != Errc::timed_out || !log_.flush()) return false;
        return client_.read_event(event, Client::forever, error);
    }

    // Says what happened; false when that was the end.
    bool goes_on(const ClientEvent& ended) {
        std::string text(ended.text);
        if (ended.stage == Stage::greeting && ended.error == Errc::timed_out)
            text += hint_for_silence(options_);
        const bool ends = !how_.reconnect || is_final(ended);
        if (!ends && !ended.pause) return true;  // the user has had enough meanwhile
        if (!ends) text += "; trying again in " + seconds(*ended.pause);
        console_.complain(text);
        return !ends;
    }

    int say_goodbye() {
        std::error_code ignored;
        client_.close(ignored);
        log_.status("closing connection.");
        static_cast<void>(log_.flush());
        return exit_done;
    }

    const ClientOptions& options_;
    const SubscribeOptions& how_;
    const Console& console_;
    MessageLog log_;
    Client client_;
    std::uint64_t shown_ = 0;
};

}  // namespace

int subscribe(const ClientOptions& options, const SubscribeOptions& how, const Console& console,
              const BackoffOptions& backoff) {
    return Subscriber(options, how, console, backoff).run();
}

}  // namespace hpfeeds::cli
