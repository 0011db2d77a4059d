// SPDX-License-Identifier: Apache-2.0
// frame.hpp: the six messages of hpfeeds as views on the bytes that carry them.
//
// Ownership  a Frame owns nothing: its views live as long as the bytes that were parsed.
// Bytes      idents and channels are raw bytes, neither UTF-8 nor printable (client-quirk 17).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hpfeeds::wire {

enum class Opcode : std::uint8_t {
    error = 0,
    info = 1,
    auth = 2,
    publish = 3,
    subscribe = 4,
    unsubscribe = 5,
};
inline constexpr std::uint8_t opcode_max = 5;

// One whole frame. Which fields mean something depends on the opcode; the others are empty.
struct Frame {
    Opcode opcode{};
    std::size_t frame_bytes = 0;  // the whole frame, header included
    std::string_view ident;       // auth, publish, subscribe, unsubscribe; info: the broker's name
    std::string_view channel;     // publish, subscribe, unsubscribe
    std::span<const std::byte>
        payload;  // publish; auth: the digest; info: the nonce; error: the text
};

// What an ERROR or any other payload says, as text.
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace hpfeeds::wire
