// SPDX-License-Identifier: Apache-2.0
#include "broker/open_sockets.hpp"

#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace hpfeeds::broker {
namespace {

// Begins the names that we make.
constexpr std::string_view own_prefix = "hpfeeds,";

constexpr std::array families_of_tcp{AF_INET, AF_INET6};
constexpr std::array families_of_unix{AF_UNIX};

bool is_unix(const config::Endpoint& endpoint) {
    return endpoint.kind == config::Endpoint::Kind::unix_socket;
}

std::span<const int> families_of(const config::Endpoint& endpoint) {
    if (is_unix(endpoint)) return families_of_unix;
    return families_of_tcp;
}

std::vector<net::Listener> adopt_named(const config::Endpoint& endpoint,
                                       service::HandedSockets& handed) {
    std::vector<net::Descriptor> sockets = handed.take_all(endpoint.fd);
    if (sockets.empty())
        throw Error("cannot listen on " + endpoint.text() +
                    ": no socket of this name was handed over (there are: " + handed.names() +
                    "); start the broker by its .socket unit, and write FileDescriptorName=" +
                    endpoint.fd + " there");
    std::vector<net::Listener> listeners;
    for (net::Descriptor& socket : sockets)
        listeners.push_back(
            net::adopt_listener(std::move(socket), families_of(endpoint), endpoint.text()));
    return listeners;
}

net::Listener open_own(const config::Endpoint& endpoint, service::HandedSockets& handed,
                       service::Notifier& notifier) {
    const std::string name = socket_name(endpoint);
    net::Descriptor socket = handed.take(name);
    if (is_unix(endpoint)) {
        // No manager keeps it: its file goes with the broker, and nobody could find it then.
        const net::SocketPlace place{endpoint.path, endpoint.mode};
        if (!socket.open()) return net::open_listener(place, endpoint.text());
        net::Listener listener =
            net::adopt_listener(std::move(socket), families_of_unix, endpoint.text());
        listener.file = net::SocketFile::adopt(place);
        return listener;
    }
    if (socket.open())
        return net::adopt_listener(std::move(socket), families_of_tcp, endpoint.text());
    net::Listener listener =
        net::open_listener({endpoint.interface, endpoint.port, endpoint.device}, endpoint.text());
    notifier.keep(name, listener.socket.get());
    return listener;
}

}  // namespace

std::string socket_name(const config::Endpoint& endpoint) {
    if (!endpoint.fd.empty()) return endpoint.fd;
    // Only what was bound: the same socket serves tcp today, and tls with other files tomorrow.
    config::Endpoint place;
    place.interface = endpoint.interface;
    place.port = endpoint.port;
    if (is_unix(endpoint)) {
        place.kind = endpoint.kind;
        place.path = endpoint.path;
    }
    place.device = endpoint.device;
    std::string name(own_prefix);
    for (const char character : place.text())
        name += character == ':' ? ',' : character == '\\' ? '/' : character;
    return name;
}

std::string socket_name(const config::HostPort& exporter) {
    std::string name = std::string(own_prefix) + "exporter,port=" + std::to_string(exporter.port);
    if (!exporter.host.empty()) name += ",interface=";
    for (const char character : exporter.host)
        name += character == ':' ? '/' : character;
    return name;
}

service::HandedSocket copy_of(std::string name, int socket) {
    net::Descriptor copy(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
    if (!copy.open())
        throw Error(std::string("cannot copy a listening socket: ") + std::strerror(errno) +
                    "; raise the limit of open files (ulimit -n)");
    return {std::move(name), std::move(copy)};
}

net::Descriptor take_exporter(const config::HostPort& exporter, service::HandedSockets& handed) {
    net::Descriptor socket = handed.take(socket_name(exporter));
    if (!socket.open()) return socket;
    return net::adopt_listener(std::move(socket), families_of_tcp, "--exporter").socket;
}

std::vector<net::Listener> open_sockets(const config::Endpoint& endpoint,
                                        service::HandedSockets& handed,
                                        service::Notifier& notifier) {
    if (!endpoint.fd.empty()) return adopt_named(endpoint, handed);
    std::vector<net::Listener> one;
    one.push_back(open_own(endpoint, handed, notifier));
    return one;
}

void close_unused(service::HandedSockets& handed, service::Notifier& notifier) {
    for (const service::HandedSocket& each : handed.left())
        if (!std::string_view(each.name).starts_with(own_prefix))
            throw Error("a socket named '" + each.name +
                        "' was handed over, and no endpoint takes it: its clients would wait for "
                        "ever; add -e tcp:fd=" +
                        each.name + ", or take it out of the .socket unit");
    for (const service::HandedSocket& each : handed.left()) {
        notifier.forget(each.name);
        log::info("a socket of an earlier configuration is closed", {{"socket", each.name}});
    }
    handed = {};
}

}  // namespace hpfeeds::broker
