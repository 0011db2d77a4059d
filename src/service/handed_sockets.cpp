// SPDX-License-Identifier: Apache-2.0
#include "service/handed_sockets.hpp"

#include "service/environment.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace hpfeeds::service {
namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START

std::vector<std::string> split_at_colons(std::string_view text) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t colon = text.find(':');
        parts.emplace_back(text.substr(0, colon));
        if (colon == std::string_view::npos) return parts;
        text.remove_prefix(colon + 1);
    }
}

// systemd says "unknown" for what has no name; so do we where it says nothing at all.
std::vector<std::string> names_for(std::size_t count, const std::optional<std::string>& listed) {
    if (!listed) return std::vector<std::string>(count, "unknown");
    std::vector<std::string> names = split_at_colons(*listed);
    if (names.size() != count)
        refuse_variable("LISTEN_FDNAMES", *listed,
                        std::to_string(names.size()) + " names for " + std::to_string(count) +
                            " sockets (LISTEN_FDS); leave the variables to the service manager");
    return names;
}

}  // namespace

HandedSockets HandedSockets::from_environment() {
    const auto pid = take_variable("LISTEN_PID");
    const auto fds = take_variable("LISTEN_FDS");
    const auto listed = take_variable("LISTEN_FDNAMES");
    if (!pid || !fds) return {};
    const auto meant =
        whole_number("LISTEN_PID", *pid, std::numeric_limits<decltype(::getpid())>::max());
    if (meant != static_cast<std::uint64_t>(::getpid())) return {};

    const std::size_t count = whole_number("LISTEN_FDS", *fds, handed_sockets_max);
    if (count == 0) return {};
    std::vector<std::string> names = names_for(count, listed);
    std::vector<HandedSocket> sockets;
    for (std::size_t i = 0; i < count; ++i) {
        const int fd = first_descriptor + static_cast<int>(i);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            refuse_variable("LISTEN_FDS", *fds,
                            "descriptor " + std::to_string(fd) +
                                " is not open; leave the variable to the service manager");
        sockets.push_back({std::move(names[i]), net::Descriptor(fd)});
    }
    return HandedSockets(std::move(sockets));
}

std::vector<net::Descriptor> HandedSockets::take_all(std::string_view name) {
    std::vector<net::Descriptor> taken;
    for (HandedSocket& each : sockets_)
        if (each.name == name) taken.push_back(std::move(each.socket));
    std::erase_if(sockets_, [](const HandedSocket& each) { return !each.socket.open(); });
    return taken;
}

net::Descriptor HandedSockets::take(std::string_view name) {
    const auto found = std::find_if(sockets_.begin(), sockets_.end(),
                                    [&](const HandedSocket& each) { return each.name == name; });
    if (found == sockets_.end()) return {};
    net::Descriptor taken = std::move(found->socket);
    sockets_.erase(found);
    return taken;
}

std::string HandedSockets::names() const {
    std::set<std::string> names;
    for (const HandedSocket& each : sockets_)
        names.insert("'" + each.name + "'");
    if (names.empty()) return "none";
    std::string text;
    for (const std::string& name : names)
        text.append(text.empty() ? "" : ", ").append(name);
    return text;
}

}  // namespace hpfeeds::service
