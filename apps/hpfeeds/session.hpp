// SPDX-License-Identifier: Apache-2.0
// session.hpp: one conversation with a broker: connect, be greeted, log in, and go on until
// something ends it.
//
// Threads  one owner.    Errors  values: a Failure says what ended the conversation, in one line
// for a person.
#pragma once

#include "client/client_machine.hpp"
#include "client/connection.hpp"
#include "console.hpp"
#include "options.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::cli {

struct Failure {
    enum class Kind {
        interrupted,  // the user wants to end
        closed,       // the broker closed without a word
        lost,         // the network, or a broker that is not there yet: trying again may help
        permanent,    // trying again cannot help: an untrusted certificate, a port that speaks
                      // something else
        nonsense,     // what the broker sends is not hpfeeds
        refused,      // the broker said so in an ERROR
    };
    Kind kind = Kind::lost;
    std::string text;
};

class Session {
public:
    using Event = client::ClientMachine::Event;
    using Kind = client::ClientMachine::Kind;

    // Throws hpfeeds::Error when an ident or a channel does not fit into the protocol.
    Session(const ClientOptions& options, const Console& console);

    // Connects and waits for the broker's name; AUTH and SUBSCRIBEs are then ready to be sent, and
    // what came behind INFO waits in next().
    [[nodiscard]] std::optional<Failure> open();
    [[nodiscard]] const std::string& broker_name() const { return broker_name_; }

    // Waits for more from the broker. Requires: next() said Kind::none.
    [[nodiscard]] std::optional<Failure> receive(client::Deadline deadline);
    // The next message, or Kind::none when receive() is needed; an ERROR or nonsense is a Failure.
    [[nodiscard]] std::optional<Failure> next(Event& event);

    // Sends what the machine has to say; `progress` hears how many bytes are still unsent. The
    // time-out is for every step forward, not for the whole.
    using Progress = std::function<void(std::size_t)>;
    [[nodiscard]] std::optional<Failure> flush(const Progress& progress = {});

    [[nodiscard]] client::ClientMachine& machine() { return machine_; }
    [[nodiscard]] client::Connection& connection() { return connection_; }
    // With --debug alone.
    void debug(std::string_view line) const;

private:
    [[nodiscard]] std::optional<Failure> wait_for_name();
    [[nodiscard]] Failure failure(std::error_code error, std::string text) const;

    const ClientOptions& options_;
    const Console& console_;
    client::ClientMachine machine_;
    client::Connection connection_;
    std::string broker_name_;
    std::array<std::byte, 65'536> room_{};
};

}  // namespace hpfeeds::cli
