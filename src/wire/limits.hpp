// SPDX-License-Identifier: Apache-2.0
// limits.hpp: how long a frame may be. All figures are bytes and PROTOCOL.md's, section "Frames".
#pragma once

#include <cstddef>

namespace hpfeeds::wire {

inline constexpr std::size_t header_bytes = 5;  // u32 length, which counts itself, and u8 opcode
inline constexpr std::size_t string_bytes_max = 255;
inline constexpr std::size_t nonce_bytes = 4;  // client-quirk 1: C clients read exactly four
inline constexpr std::size_t digest_bytes = 20;

inline constexpr std::size_t payload_bytes_max = 1024 * 1024;
inline constexpr std::size_t publish_frame_bytes_max = header_bytes + payload_bytes_max;
inline constexpr std::size_t error_frame_bytes_max = publish_frame_bytes_max;
inline constexpr std::size_t auth_frame_bytes_max =
    header_bytes + 1 + string_bytes_max + digest_bytes;
inline constexpr std::size_t info_frame_bytes_max = auth_frame_bytes_max;
inline constexpr std::size_t subscribe_frame_bytes_max = payload_bytes_max;

static_assert(auth_frame_bytes_max == 281);
static_assert(publish_frame_bytes_max == 1'048'581);
static_assert(subscribe_frame_bytes_max <= publish_frame_bytes_max,
              "publish_frame_bytes_max bounds every frame");

}  // namespace hpfeeds::wire
