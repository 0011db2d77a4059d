// SPDX-License-Identifier: Apache-2.0
// event.hpp: everything that happens to a client, for programs that show it.
//
//     hpfeeds::ClientEvent event;
//     while (client.read_event(event, hpfeeds::Client::forever, error))
//         switch (event.kind) { … }
//
// Client::run() and Client::read() tell of messages and errors, which is enough for most programs.
// One that has to say when it is connected, why it is not and when it tries again reads events,
// which come in the order in which they happened: no message overtakes the connection it came on.
//
// Ownership  what an event shows lives until the next call that reads from the client.
// Threads    a value; any.
// Errors     none.
#pragma once

#include "hpfeeds/message.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace hpfeeds {

// One thing that happened; see Client::read_event().
struct ClientEvent {
    // What happened.
    enum class Kind : std::uint8_t {
        message,       // the broker sent `message`
        connected,     // a broker has introduced itself as `broker_name`; the login is on its way
        disconnected,  // a connection was lost, or could not be had: `error`, `text`, `stage`
        trouble,       // `error` and `text`, with the connection as it was: the spool
    };
    // How far a connection had come.
    enum class Stage : std::uint8_t {
        connecting,  // there was none, TLS included
        greeting,    // there was one, but the broker did not introduce itself
        exchanging,  // the broker had introduced itself
    };

    Kind kind = Kind::message;        // says which of the others are set
    MessageView message{};            // of message
    std::string_view broker_name{};   // of connected; raw bytes: show them with one_line()
    std::error_code error{};          // of disconnected and trouble
    std::string_view text{};          // of disconnected and trouble: one line for a person
    std::string_view broker_said{};   // of disconnected: the text of the broker's ERROR, byte
                                      // for byte; empty without one
    Stage stage = Stage::connecting;  // of disconnected
    // Of disconnected: from then until the next attempt. Nothing: there will be none.
    std::optional<std::chrono::milliseconds> pause{};
};

}  // namespace hpfeeds
