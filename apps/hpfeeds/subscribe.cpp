// SPDX-License-Identifier: Apache-2.0
#include "subscribe.hpp"

#include "client/tcp_connect.hpp"
#include "hpfeeds/error.hpp"
#include "message_log.hpp"
#include "output.hpp"
#include "session.hpp"

#include <poll.h>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

namespace hpfeeds::cli {
namespace {

// A connection that lasted this long was a good one: the next wait is short again, messages or not.
constexpr std::chrono::seconds good_connection{10};

std::string seconds(std::chrono::milliseconds wait) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(wait.count()) / 1000.0);
    return text.data();
}

class Subscriber {
public:
    Subscriber(const ClientOptions& options, const SubscribeOptions& how, const Console& console,
               client::Backoff backoff)
        : options_(options),
          how_(how),
          console_(console),
          backoff_(std::move(backoff)),
          log_(how, console),
          session_(options, console) {
        for (const std::string& channel : options.channels)
            if (const auto refused = session_.machine().subscribe(channel))
                throw Error("cannot subscribe to '" + one_line(channel) +
                            "': " + refused.message());
    }

    int run() {
        for (;;) {
            const auto ended = converse();
            if (!ended) return say_goodbye();
            switch (ended->kind) {
                case Failure::Kind::interrupted:
                    return say_goodbye();
                case Failure::Kind::refused:
                case Failure::Kind::permanent:
                    console_.complain(ended->text);
                    return exit_failed;
                case Failure::Kind::closed:
                case Failure::Kind::lost:
                case Failure::Kind::nonsense:
                    break;
            }
            if (!how_.reconnect) {
                console_.complain(ended->text);
                return exit_failed;
            }
            if (!wait_before_next(ended->text)) return say_goodbye();
        }
    }

private:
    // One connection. Nothing: all that was asked for has been shown, or nobody looks any more.
    std::optional<Failure> converse() {
        if (auto failed = session_.open()) return failed;
        for (const std::string& channel : options_.channels)
            session_.debug("-> SUBSCRIBE to " + one_line(channel));
        log_.status("connected to " + one_line(session_.broker_name()));
        if (!log_.flush()) return {};
        const auto since = client::Clock::now();
        // A broker that closes while we write may have said why: reading tells.
        if (auto failed = session_.flush())
            if (failed->kind == Failure::Kind::interrupted) return failed;
        auto ended = show_messages();
        if (client::Clock::now() - since >= good_connection) backoff_.reset();
        session_.connection().close();
        if (ended && ended->kind != Failure::Kind::refused)
            ended->text = "lost " + options_.destination.text() + ": " + ended->text;
        return ended;
    }

    std::optional<Failure> show_messages() {
        for (;;) {
            Session::Event event;
            auto failed = session_.next(event);
            if (!failed && event.kind == Session::Kind::message) {
                log_.message({event.ident, event.channel, event.payload});
                backoff_.reset();
                ++shown_;
                if (how_.count == 0 || shown_ < how_.count) continue;
            }
            const bool enough = how_.count != 0 && shown_ >= how_.count;
            if (!log_.flush() || enough) return {};
            if (failed) return failed;
            if (auto ended = session_.receive(client::no_deadline)) return ended;
        }
    }

    // False when the user wants to end.
    bool wait_before_next(const std::string& why) {
        const auto wait = backoff_.next();
        console_.complain(why + "; trying again in " + seconds(wait));
        const auto woken = client::wait_until_ready(console_.stop, POLLIN, client::in(wait), -1);
        return static_cast<bool>(woken);
    }

    int say_goodbye() {
        session_.connection().close();
        log_.status("closing connection.");
        static_cast<void>(log_.flush());
        return exit_done;
    }

    const ClientOptions& options_;
    const SubscribeOptions& how_;
    const Console& console_;
    client::Backoff backoff_;
    MessageLog log_;
    Session session_;
    std::uint64_t shown_ = 0;
};

}  // namespace

int subscribe(const ClientOptions& options, const SubscribeOptions& how, const Console& console,
              client::Backoff backoff) {
    return Subscriber(options, how, console, std::move(backoff)).run();
}

}  // namespace hpfeeds::cli
