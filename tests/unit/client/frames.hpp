// SPDX-License-Identifier: Apache-2.0
// frames.hpp: frames as strings, for tests that play the broker's part.
#pragma once

#include "wire/encode.hpp"

#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::client::testing {

inline std::span<std::byte> writable(std::string& text) {
    return std::as_writable_bytes(std::span(text));
}

inline std::string info(std::string_view name, std::string_view nonce) {
    std::string frame(wire::info_frame_bytes(name.size(), nonce.size()), '\0');
    wire::encode_info(writable(frame), name, wire::as_bytes(nonce));
    return frame;
}
inline std::string error(std::string_view text) {
    std::string frame(wire::error_frame_bytes(text.size()), '\0');
    wire::encode_error(writable(frame), text);
    return frame;
}
inline std::string publish(std::string_view ident, std::string_view channel,
                           std::string_view payload) {
    std::string frame(wire::publish_frame_bytes(ident.size(), channel.size(), payload.size()),
                      '\0');
    wire::encode_publish(writable(frame), ident, channel, wire::as_bytes(payload));
    return frame;
}
inline std::string subscribe(std::string_view ident, std::string_view channel) {
    std::string frame(wire::subscribe_frame_bytes(ident.size(), channel.size()), '\0');
    wire::encode_subscribe(writable(frame), ident, channel);
    return frame;
}
inline std::string unsubscribe(std::string_view ident, std::string_view channel) {
    std::string frame(wire::subscribe_frame_bytes(ident.size(), channel.size()), '\0');
    wire::encode_unsubscribe(writable(frame), ident, channel);
    return frame;
}

}  // namespace hpfeeds::client::testing
