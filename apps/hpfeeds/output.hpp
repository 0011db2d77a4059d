// SPDX-License-Identifier: Apache-2.0
// output.hpp: messages as a person, a script or a file wants them.
//
// Every byte of a message is chosen by a stranger. Text therefore never holds a control byte, a
// line break or a mark that reorders what follows it: one message stays one line, and none can
// drive the terminal.
#pragma once

#include "hpfeeds/text.hpp"
#include "options.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::cli {

struct Message {
    std::string_view ident;
    std::string_view channel;
    std::span<const std::byte> payload;
};
using Time = std::chrono::system_clock::time_point;

// What a peer calls itself or says, safe for a terminal: see hpfeeds/text.hpp.
using hpfeeds::one_line;

// A payload for people: one_line() when it is UTF-8 text (which may hold tabs and line breaks),
// else the first twenty bytes in hexadecimal and `...`.
[[nodiscard]] std::string payload_text(std::span<const std::byte> payload);

// "[feedcli] …" and a line feed.
[[nodiscard]] std::string status_line(std::string_view what);

// One message, line feed included where the format has lines:
//   text  [feedcli] publish to CHAN by IDENT: PAYLOAD
//   json  {"time":…,"channel":…,"ident":…,"payload":…} in ASCII; what is not UTF-8 comes as
//   "payload_base64" (and so
//         for the names)
//   raw   the payload's bytes and nothing else
[[nodiscard]] std::string format_message(Format format, const Message& message, Time time);

}  // namespace hpfeeds::cli
