// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/client.hpp"

#include "client/errc.hpp"
#include "client/session_thread.hpp"

#include <utility>

namespace hpfeeds {
namespace {

client::Deadline after(std::chrono::milliseconds timeout) {
    return timeout == Client::forever ? client::no_deadline : client::in(timeout);
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

bool is_greeting(const client::Incident& incident) {
    return incident.kind == client::Incident::Kind::connected;
}

ClientEvent event_of(const client::Incident& incident) {
    ClientEvent event;
    event.kind = incident.kind;
    event.error = incident.code;
    (is_greeting(incident) ? event.broker_name : event.text) = incident.text;
    event.broker_said = incident.broker_said;
    event.stage = incident.stage;
    event.pause = incident.pause;
    return event;
}

// The text of an error that has a story, or of one that speaks for itself.
std::string explain(std::string_view doing, const std::error_code& error,
                    const client::Incident& last) {
    const std::string text = last.code == error ? last.text : error.message();
    return doing.empty() ? text : std::string(doing) + ": " + text;
}

}  // namespace

struct Client::State {
    explicit State(ClientOptions options)
        : timeout(options.timeout), reconnect(options.reconnect), session(std::move(options)) {}

    const std::chrono::milliseconds timeout;
    const bool reconnect;
    client::SessionThread session;
    client::Incident read_incident;  // the reader's: what its last read failed of
};

Client::Client(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {
    if (state_->reconnect) return;
    // An attempt has its own time-outs, for connecting and for the greeting.
    // One that is over already is told where it is used.
    const auto error = state_->session.wait_first_connection();
    if (!error) return;
    const std::string text = explain({}, error, state_->session.last_incident());
    static_cast<void>(state_->session.close(client::in(std::chrono::milliseconds(0))));
    throw Error(text, error);
}

Client::Client(std::string host, std::uint16_t port, std::string ident, std::string secret)
    : Client([&] {
          ClientOptions options;
          options.host = std::move(host);
          options.port = port;
          options.ident = std::move(ident);
          options.secret = std::move(secret);
          return options;
      }()) {}

Client::~Client() {
    std::error_code ignored;
    close(ignored);
}

void Client::raise(const std::error_code& error, std::string_view doing) const {
    throw Error(explain(doing, error, state_->session.last_incident()), error);
}

void Client::raise_read() const {
    throw Error(state_->read_incident.text, state_->read_incident.code);
}

void Client::publish(std::string_view channel, std::span<const std::byte> payload,
                     std::error_code& error) {
    if (state_->session.publish_quickly(channel, payload))
        error.clear();
    else
        error = state_->session.publish(channel, payload);
}

void Client::publish(std::string_view channel, std::span<const std::byte> payload) {
    if (state_->session.publish_quickly(channel, payload)) return;
    if (const auto error = state_->session.publish(channel, payload))
        raise(error, "cannot publish");
}

void Client::publish(std::string_view channel, std::string_view payload, std::error_code& error) {
    publish(channel, bytes_of(payload), error);
}

void Client::publish(std::string_view channel, std::string_view payload) {
    publish(channel, bytes_of(payload));
}

void Client::flush(std::chrono::milliseconds timeout, std::error_code& error) {
    error = state_->session.flush(after(timeout));
}

void Client::flush(std::chrono::milliseconds timeout) {
    if (const auto error = state_->session.flush(after(timeout)))
        raise(error, "not everything was sent");
}

void Client::subscribe(std::string_view channel, std::error_code& error) {
    error = state_->session.subscribe(channel);
}

void Client::subscribe(std::string_view channel) {
    if (const auto error = state_->session.subscribe(channel)) raise(error, "cannot subscribe");
}

void Client::unsubscribe(std::string_view channel) {
    state_->session.unsubscribe(channel);
}

void Client::run(const OnMessage& on_message, const OnError& on_error) {
    using Kind = client::Inbox::Kind;
    client::Inbox& inbox = state_->session.inbox();
    client::Timeout never(forever);
    MessageView message;
    for (;;) {
        switch (inbox.next(never, message)) {
            case Kind::message:
                on_message(message);
                break;
            case Kind::incident:
                if (is_greeting(inbox.incident())) break;
                state_->session.incident_was_heard();
                on_error(Error(inbox.incident().text, inbox.incident().code));
                break;
            case Kind::timed_out:
                break;
            case Kind::stopped:
            case Kind::ended:
                return;
        }
    }
}

void Client::run(const OnMessage& on_message) {
    MessageView message;
    std::error_code error;
    while (read(message, forever, error))
        on_message(message);
    if (error != Errc::interrupted && error != Errc::closed) raise_read();
}

bool Client::read(MessageView& message, std::chrono::milliseconds timeout, std::error_code& error) {
    using Kind = client::Inbox::Kind;
    client::Inbox& inbox = state_->session.inbox();
    if (inbox.next_quickly(message)) {
        if (error) error.clear();
        return true;
    }
    client::Timeout left(timeout);
    for (;;) {
        switch (inbox.next(left, message)) {
            case Kind::message:
                error.clear();
                return true;
            case Kind::incident:
                if (is_greeting(inbox.incident())) continue;
                // The session goes on by itself, or says with Kind::ended that it does not.
                if (inbox.incident().code == Trouble::network || !state_->reconnect) continue;
                state_->session.incident_was_heard();
                state_->read_incident = inbox.incident();
                error = inbox.incident().code;
                return false;
            case Kind::timed_out:
                error = Errc::timed_out;
                return false;
            case Kind::stopped:
                error = Errc::interrupted;
                return false;
            case Kind::ended:
                state_->read_incident = inbox.incident();
                error = inbox.incident().code;
                return false;
        }
    }
}

bool Client::read_event(ClientEvent& event, std::chrono::milliseconds timeout,
                        std::error_code& error) {
    using Kind = client::Inbox::Kind;
    client::Inbox& inbox = state_->session.inbox();
    client::Timeout left(timeout);
    switch (inbox.next(left, event.message)) {
        case Kind::message:
            event.kind = ClientEvent::Kind::message;
            error.clear();
            return true;
        case Kind::incident:
            if (!is_greeting(inbox.incident())) state_->session.incident_was_heard();
            event = event_of(inbox.incident());
            error.clear();
            return true;
        case Kind::timed_out:
            error = Errc::timed_out;
            return false;
        case Kind::stopped:
            error = Errc::interrupted;
            return false;
        case Kind::ended:
            error = inbox.incident().code;
            return false;
    }
    return false;
}

std::optional<Message> Client::read(std::chrono::milliseconds timeout) {
    MessageView message;
    std::error_code error;
    if (read(message, timeout, error)) return Message(message);
    if (error == Errc::timed_out || error == Errc::interrupted) return {};
    raise_read();
}

Client::Iterator& Client::Iterator::operator++() {
    std::error_code error;
    if (client_->read(message_, forever, error)) return *this;
    Client* const client = std::exchange(client_, nullptr);
    if (error != Errc::interrupted && error != Errc::closed) client->raise_read();
    return *this;
}

void Client::stop() noexcept {
    state_->session.inbox().stop();
}

void Client::connect(std::chrono::milliseconds timeout, std::error_code& error) {
    error = state_->session.wait_connected(after(timeout));
}

void Client::connect(std::chrono::milliseconds timeout) {
    if (const auto error = state_->session.wait_connected(after(timeout))) raise(error, {});
}

void Client::close(std::error_code& error) {
    error = state_->session.close(client::in(state_->timeout));
}

void Client::close() {
    std::error_code error;
    close(error);
    if (error) raise(error, "the end of the session");
}

bool Client::connected() const {
    return state_->session.stats().connected;
}

std::string Client::broker_name() const {
    return state_->session.broker_name();
}

std::string Client::last_error() const {
    return state_->session.last_incident().text;
}

ClientStats Client::stats() const {
    const client::SessionThread::Stats now = state_->session.stats();
    ClientStats stats;
    stats.connected = now.connected;
    stats.connections = now.connections;
    stats.published = now.published;
    stats.sent = now.outbox.sent;
    stats.sent_again = now.outbox.sent_again;
    stats.dropped_for_room = now.outbox.dropped_for_room + now.spool.dropped_for_room;
    stats.dropped_for_age = now.outbox.dropped_for_age + now.spool.dropped_for_age;
    stats.refused = now.outbox.refused;
    stats.spool_failures = now.spool_failures;
    stats.unsent_messages = now.unsent_messages;
    stats.unsent_bytes = now.unsent_bytes;
    stats.spooled_messages = now.spooled_messages;
    return stats;
}

}  // namespace hpfeeds
