// SPDX-License-Identifier: Apache-2.0
// handed_sockets.hpp: sockets that were open before this process was: by systemd, for a .socket
// unit or from its store of descriptors.
//
// systemd's protocol (sd_listen_fds(3)): LISTEN_PID is who is meant, LISTEN_FDS how many
// descriptors there are from number 3 on, LISTEN_FDNAMES their names, between colons. Several
// sockets may have one name: a .socket unit names all of its own alike.
//
// Threads  one owner.
// Errors   hpfeeds::Error that names the variable or the descriptor, and what to do.
#pragma once

#include "net/descriptor.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::service {

// More than a broker has endpoints, many times over.
inline constexpr std::size_t handed_sockets_max = 1'024;

struct HandedSocket {
    std::string name;
    net::Descriptor socket;
};

class HandedSockets {
public:
    HandedSockets() = default;
    explicit HandedSockets(std::vector<HandedSocket> sockets) : sockets_(std::move(sockets)) {}

    // What systemd hands to this process; nothing when the variables are for another one. The
    // variables leave the environment, and the descriptors are closed at exec from here on.
    [[nodiscard]] static HandedSockets from_environment();

    // Those of that name, in the order in which they came; they are the caller's now.
    [[nodiscard]] std::vector<net::Descriptor> take_all(std::string_view name);
    // The first of that name; not open when there is none.
    [[nodiscard]] net::Descriptor take(std::string_view name);

    // What nobody has taken.
    [[nodiscard]] const std::vector<HandedSocket>& left() const noexcept { return sockets_; }
    // The names of those, each once: "'hpfeeds', 'web'"; "none".
    [[nodiscard]] std::string names() const;

private:
    std::vector<HandedSocket> sockets_;
};

}  // namespace hpfeeds::service
