// SPDX-License-Identifier: Apache-2.0
// open_sockets.hpp: where the sockets of an endpoint come from: they were handed over, or are
// opened here.
//
// Threads  the main one.
// Errors   hpfeeds::Error with the endpoint, the cause and the remedy.
#pragma once

#include "config/endpoint.hpp"
#include "net/listener.hpp"
#include "service/handed_sockets.hpp"
#include "service/notifier.hpp"

#include <string>
#include <vector>

namespace hpfeeds::broker {

// The name under which a service manager, or the process that takes over from this one, has the
// socket of an endpoint: fd=NAME, or one that we make of where it listens.
[[nodiscard]] std::string socket_name(const config::Endpoint& endpoint);

// All sockets that were handed over for an endpoint with fd=NAME, at least one; for any other the
// one that an earlier process of this service had open there, or a new one, which `notifier` is
// asked to keep.
[[nodiscard]] std::vector<net::Listener> open_sockets(const config::Endpoint& endpoint,
                                                      service::HandedSockets& handed,
                                                      service::Notifier& notifier);

// Of the exporter.
[[nodiscard]] std::string socket_name(const config::HostPort& exporter);

// A copy of a socket, for the process that will take over from this one.
[[nodiscard]] service::HandedSocket copy_of(std::string name, int socket);

// The socket that an earlier process had for the exporter; not open when there is none.
[[nodiscard]] net::Descriptor take_exporter(const config::HostPort& exporter,
                                            service::HandedSockets& handed);

// Call it when all have their sockets. Those of endpoints that are no more are closed, for
// connections would wait in them for ever; one that somebody else has opened, and that no endpoint
// names, is an error for the same reason.
void close_unused(service::HandedSockets& handed, service::Notifier& notifier);

}  // namespace hpfeeds::broker
