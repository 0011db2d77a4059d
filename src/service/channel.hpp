// SPDX-License-Identifier: Apache-2.0
// channel.hpp: packets between two processes, each of which may carry one descriptor.
//
// Errors  no exceptions; a packet that does not come or go is a value.
#pragma once

#include "net/descriptor.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace hpfeeds::service {

// Longer texts are cut.
inline constexpr std::size_t packet_bytes_max = 4'096;

// The first byte of a packet.
enum class Word : char { socket = 's', all_sent = 'a', ready = 'r', failed = 'f', go = 'g' };

struct Packet {
    Word word{};
    std::string text;
    net::Descriptor descriptor;
};

// Two ends, closed at exec. Not open when the system has none.
[[nodiscard]] std::pair<net::Descriptor, net::Descriptor> open_channel() noexcept;

// False when the other end is gone, or has not read for ten seconds.
[[nodiscard]] bool send_packet(int channel, Word word, std::string_view text = {},
                               int descriptor = -1) noexcept;

enum class Received { packet, nothing, end };
// Waits for at most `patience`. A packet with more than one descriptor is none of ours: it comes
// out without a word, and they are closed.
[[nodiscard]] Received receive_packet(int channel, Packet& out, std::chrono::milliseconds patience);

}  // namespace hpfeeds::service
