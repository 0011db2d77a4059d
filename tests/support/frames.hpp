// SPDX-License-Identifier: Apache-2.0
// frames.hpp: the six messages, encoded by the tests' own hand.
//
// Nothing of src/wire is used: a mistake that encoder and parser share would not be seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hpfeeds::support {

inline constexpr std::uint8_t op_error = 0;
inline constexpr std::uint8_t op_info = 1;
inline constexpr std::uint8_t op_auth = 2;
inline constexpr std::uint8_t op_publish = 3;
inline constexpr std::uint8_t op_subscribe = 4;
inline constexpr std::uint8_t op_unsubscribe = 5;

inline constexpr std::size_t publish_frame_bytes_max = 1'048'581;

// Five bytes that may claim anything.
[[nodiscard]] std::string header(std::uint32_t length, std::uint8_t opcode);
[[nodiscard]] std::string frame(std::uint8_t opcode, std::string_view body);
[[nodiscard]] std::string str8(std::string_view text);
[[nodiscard]] std::string digest(std::string_view nonce, std::string_view secret);

[[nodiscard]] std::string auth_frame(std::string_view nonce, std::string_view ident,
                                     std::string_view secret);
[[nodiscard]] std::string publish_frame(std::string_view ident, std::string_view channel,
                                        std::string_view payload);
[[nodiscard]] std::string subscribe_frame(std::string_view ident, std::string_view channel);
[[nodiscard]] std::string unsubscribe_frame(std::string_view ident, std::string_view channel);

// A frame as it came off the wire.
struct Received {
    std::uint8_t opcode = 0;
    std::string body;
};

// A PUBLISH, taken apart.
struct Message {
    std::string ident;
    std::string channel;
    std::string payload;
    bool operator==(const Message&) const = default;
};
// Throws std::runtime_error when the frame is no well-formed PUBLISH.
[[nodiscard]] Message as_message(const Received& received);

// For failure messages: "PUBLISH 03…" with the first bytes of the body, printable ones as they are.
[[nodiscard]] std::string describe(const Received& received);
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t bytes_max = 120);

}  // namespace hpfeeds::support
