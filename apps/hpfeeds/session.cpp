// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include "client/errc.hpp"
#include "output.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace hpfeeds::cli {
namespace {

using client::Errc;

std::string seconds(std::chrono::milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

Session::Session(const ClientOptions& options, const Console& console)
    : options_(options),
      console_(console),
      machine_(options.ident, options.secret),
      connection_(console.stop) {}

std::optional<Failure> Session::open() {
    const std::string where = options_.destination.text();
    debug("connecting to " + where + (options_.destination.tls ? " with TLS" : ""));
    machine_.reset();
    const auto deadline = client::in(options_.timeout);
    if (const auto error = connection_.open(options_.destination, deadline))
        return failure(error, "cannot connect to " + where + ": " + connection_.explanation());
    debug("connected to " + connection_.explanation());
    auto failed = wait_for_name();
    if (failed) connection_.close();
    return failed;
}

std::optional<Failure> Session::wait_for_name() {
    const std::string where = options_.destination.text();
    const auto deadline = client::in(options_.timeout);
    for (;;) {
        Event event;
        if (auto failed = next(event)) {
            if (failed->kind == Failure::Kind::nonsense)
                return Failure{Failure::Kind::permanent,
                               where + " does not speak hpfeeds: " + failed->text};
            return failed;
        }
        if (event.kind == Kind::connected) {
            broker_name_ = event.name;
            debug("<- INFO, " + one_line(broker_name_));
            debug("-> AUTH as " + one_line(options_.ident));
            return {};
        }
        if (auto failed = receive(deadline)) {
            if (failed->kind == Failure::Kind::interrupted) return failed;
            const bool silent = connection_.is_open() && client::Clock::now() >= deadline;
            failed->text = where + (silent ? " said nothing for " + seconds(options_.timeout)
                                           : " did not introduce itself: " + failed->text);
            if (silent && !options_.destination.tls)
                failed->text += "; if the broker expects TLS, add --tls or --tlscert FILE";
            return failed;
        }
    }
}

std::optional<Failure> Session::receive(client::Deadline deadline) {
    std::size_t taken = 0;
    if (const auto error = connection_.read_some(room_, deadline, taken))
        return failure(error, connection_.explanation());
    machine_.receive(std::span(room_).first(taken));
    return {};
}

std::optional<Failure> Session::next(Event& event) {
    event = machine_.next();
    switch (event.kind) {
        case Kind::none:
        case Kind::connected:
            return {};
        case Kind::message:
            debug("<- PUBLISH on " + one_line(event.channel) + " by " + one_line(event.ident) +
                  ", " + std::to_string(event.payload.size()) + " bytes");
            return {};
        case Kind::error:
            debug("<- ERROR");
            return Failure{Failure::Kind::refused, "the broker refused: " + one_line(event.text)};
        case Kind::violation:
            break;
    }
    return Failure{Failure::Kind::nonsense, std::string(event.text)};
}

std::optional<Failure> Session::flush(const Progress& progress) {
    while (!machine_.unsent().empty()) {
        constexpr std::size_t piece_bytes = 262'144;  // often enough for a progress line
        const auto unsent = machine_.unsent();
        const auto piece = unsent.first(std::min(unsent.size(), piece_bytes));
        std::size_t taken = 0;
        if (const auto error = connection_.write_some(piece, client::in(options_.timeout), taken))
            return failure(error, "sending failed: " + connection_.explanation());
        machine_.sent(taken);
        if (progress) progress(machine_.unsent().size());
    }
    return {};
}

Failure Session::failure(std::error_code error, std::string text) const {
    using FailureKind = Failure::Kind;
    auto kind = FailureKind::lost;
    if (error == Errc::interrupted) kind = FailureKind::interrupted;
    if (error == Errc::closed_by_broker) kind = FailureKind::closed;
    if (error == Errc::certificate_refused || error == Errc::certificate_unusable)
        kind = FailureKind::permanent;
    return {kind, std::move(text)};
}

void Session::debug(std::string_view line) const {
    if (options_.debug) console_.complain("debug: " + std::string(line));
}

}  // namespace hpfeeds::cli
