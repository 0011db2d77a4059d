// SPDX-License-Identifier: Apache-2.0
// message_frame.hpp: a PUBLISH frame as the user's view of it.
//
// Fields are written one by one, where the user wants them: a view that is copied right after it
// was made costs more than finding the message did.
//
// Ownership  the view lives as long as the frame's bytes.
#pragma once

#include "hpfeeds/message.hpp"
#include "wire/limits.hpp"
#include "wire/parser.hpp"

#include <cstddef>

namespace hpfeeds::client {

// Requires: `shape` is that of the frame at `frame`.
inline void show_message(const std::byte* frame, wire::PublishShape shape,
                         MessageView& message) noexcept {
    const std::byte* const ident = frame + wire::header_bytes + 1;
    const std::byte* const channel = ident + shape.ident_bytes + 1;
    const std::byte* const payload = channel + shape.channel_bytes;
    message.ident = {reinterpret_cast<const char*>(ident), shape.ident_bytes};
    message.channel = {reinterpret_cast<const char*>(channel), shape.channel_bytes};
    message.payload = {payload, frame + shape.frame_bytes};
}

}  // namespace hpfeeds::client
