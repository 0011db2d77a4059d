// SPDX-License-Identifier: Apache-2.0
// doctor_network.hpp: the doctor's questions below the protocol: names, connections, TLS, and what
// the other side says first.
//
// Threads  one owner.    Errors  values; nothing throws but for want of memory.
#pragma once

#include "client/certificate_facts.hpp"
#include "client/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace hpfeeds::cli {

using Milliseconds = std::chrono::milliseconds;

// One TCP connection that is made and closed.
struct Knock {
    std::error_code error;
    double milliseconds = 0;
};
[[nodiscard]] Knock knock(const std::string& address, std::uint16_t port, Milliseconds patience,
                          int stop);

// One TLS handshake, ended before anything is said through it.
struct Handshake {
    std::error_code error;
    std::string why;                                      // of the error
    std::string description;                              // "TLSv1.3, …"
    std::optional<client::CertificateFacts> certificate;  // also of one that is refused
    double milliseconds = 0;
};
[[nodiscard]] Handshake shake_hands(const client::Destination& broker, Milliseconds patience,
                                    int stop);

// What the other side says to one who says nothing.
struct Greeting {
    enum class Kind {
        broker,    // INFO
        stranger,  // something else
        silence,   // for as long as we were patient
        closed,    // the end, without a word
        lost,      // no connection, or a broken one; `why` says more
    };
    Kind kind = Kind::silence;
    std::string name{};   // the broker's; raw bytes
    std::string nonce{};  // raw bytes
    std::string heard{};  // a stranger's first bytes
    std::string why{};
    double milliseconds = 0;  // until it came
};
class Greeter {
public:
    Greeter(const client::Destination& broker, Milliseconds patience, int stop);
    // Listens for at most `patience`; after silence it may be called again.
    [[nodiscard]] Greeting listen(Milliseconds patience);

private:
    client::Connection connection_;
    std::error_code failed_;
    client::Clock::time_point opened_;
    std::string heard_;
};

// What a web server answers to a request; empty when nothing comes, or no connection can be had.
[[nodiscard]] std::string answer_to_http(const client::Destination& broker, Milliseconds patience,
                                         int stop);

}  // namespace hpfeeds::cli
