// SPDX-License-Identifier: Apache-2.0
// message.hpp: one published message: who published it, where, and what.
//
// Message owns its bytes; MessageView borrows them and costs nothing. Which of the two a call gives
// is in its name or its signature, and a view's comment says until when it lives.
//
// Bytes    ident, channel and payload are raw bytes. hpfeeds has no character set: text() is the
//          payload's bytes as a string_view, whether or not they are UTF-8 or even printable.
// Units    ident and channel have at most 255 bytes; the whole frame has at most 1 MiB and 5 bytes.
// Threads  values; any.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds {

inline constexpr std::size_t name_bytes_max = 255;                 // of an ident or a channel
inline constexpr std::size_t message_bytes_max = 1024 * 1024 + 5;  // of a whole PUBLISH frame

// The most that a payload of this ident may have on this channel.
[[nodiscard]] constexpr std::size_t payload_bytes_max(std::string_view ident,
                                                      std::string_view channel) noexcept {
    return message_bytes_max - (5 + 1 + ident.size() + 1 + channel.size());
}

struct MessageView {
    std::string_view ident;              // the publisher, as it logged in to the broker
    std::string_view channel;            // on which it was published
    std::span<const std::byte> payload;  // may be empty

    // The payload's bytes.
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(payload.data()), payload.size()};
    }
};

struct Message {
    std::string ident;
    std::string channel;
    std::vector<std::byte> payload;

    Message() = default;
    // Copies: the message outlives whatever the view borrowed from.
    explicit Message(const MessageView& view)
        : ident(view.ident),
          channel(view.channel),
          payload(view.payload.begin(), view.payload.end()) {}

    // Lives as long as this message, unchanged.
    [[nodiscard]] MessageView view() const noexcept { return {ident, channel, payload}; }
    // NOLINTNEXTLINE(google-explicit-constructor): a message is what its view shows
    operator MessageView() const noexcept { return view(); }
    [[nodiscard]] std::string_view text() const noexcept { return view().text(); }
};

}  // namespace hpfeeds
