// SPDX-License-Identifier: Apache-2.0
// options.hpp: everything about a session that can be chosen, with its default, unit and cost.
//
//     hpfeeds::ClientOptions options;
//     options.host = "broker.example";
//     options.ident = "sensor-17";
//     options.secret = secret_from_a_file();
//
// Both clients, the blocking and the asynchronous one, take the same options and copy them. The
// defaults suit a sensor that publishes for months over the internet.
//
// Units    durations are std::chrono, sizes are bytes.
// Errors   a client refuses options that make no sense when it is built, with hpfeeds::Error.
// Threads  a value; any.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hpfeeds {

// How long to wait between attempts to connect. The bound doubles with every failure up to
// `longest`, and each wait is drawn from the upper half below it, so that a thousand sensors whose
// broker restarts do not all come back in the same instant. After a refused login every wait is
// drawn below `longest` at once: nothing is gained by asking again soon.
struct BackoffOptions {
    std::chrono::milliseconds first{500};
    std::chrono::milliseconds longest{30'000};
};

struct TlsOptions {
    // TLS 1.2 or newer; the broker's certificate must be trusted and carry the name (or address)
    // that is in `host`. There is no switch that turns this off.
    bool enabled = false;
    // A PEM file of certificates to trust, of authorities or of the broker itself; empty: the
    // system's authorities. Read again for every connection.
    std::string trusted_file{};
};

// TCP's probes of a silent connection: with these figures a broker that vanished is noticed within
// half a minute. Whole seconds; zero or less is refused.
struct KeepaliveOptions {
    std::chrono::seconds idle{10};
    std::chrono::seconds interval{5};
    int count = 3;
};

// What is published and not yet sent waits here, in memory.
struct OutboxOptions {
    // Frames and what it costs to keep them. When it is full and there is no connection, the oldest
    // message is dropped, and counted. At least the longest frame, 1 MiB and 5 bytes.
    std::size_t bytes_max = 16U << 20;
    // A message that could not be sent for so long is dropped, and counted.
    std::chrono::milliseconds age_max = std::chrono::hours{1};
};

// Messages that outlive the process: docs/IMPLEMENTORS.md says what is guaranteed and what is not.
struct SpoolOptions {
    // An SQLite file, made when it is missing; its folder must exist. Empty: no spool. One process
    // at a time: a second one is refused with Errc::spool_locked.
    std::string path{};
    // Payloads and names in the file; above it the oldest message is dropped, and counted.
    std::size_t bytes_max = 256U << 20;
    std::chrono::milliseconds age_max = std::chrono::hours{7 * 24};
};

struct ClientOptions {
    // A name or an address, and its port. For hpfeeds::Client also `unix:PATH`, a broker's Unix
    // socket.
    std::string host = "localhost";
    std::uint16_t port = 10000;
    std::string ident{};   // at most 255 bytes
    std::string secret{};  // never in an error, a log line or a trace

    // For each of: connecting (TLS included), the broker's greeting, and a write that makes no
    // progress. Looking up a name may take longer when the system's resolver does.
    std::chrono::milliseconds timeout{10'000};

    // false: the first lost connection is the end, and building a client needs a broker. true: a
    // session is kept alive until it is closed.
    bool reconnect = true;
    BackoffOptions backoff{};

    // Each described with its type.
    TlsOptions tls{};
    KeepaliveOptions keepalive{};
    OutboxOptions outbox{};
    SpoolOptions spool{};

    // Told every step of the session in a line, without line ends or secrets; for finding out why
    // something does not work. Called from the thread that does the client's I/O, which waits for
    // it meanwhile; it must neither throw nor call the client. Empty: nobody listens.
    std::function<void(std::string_view)> trace{};
};

}  // namespace hpfeeds
