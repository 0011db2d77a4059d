// SPDX-License-Identifier: Apache-2.0
#include "testing/reserved_port.hpp"

#include "hpfeeds/error.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <string>

namespace hpfeeds::testing {

ReservedPort::ReservedPort() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(socket_, generic, size) != 0 || getsockname(socket_, generic, &size) != 0) {
        const std::string why = std::strerror(errno);
        if (socket_ >= 0) close(socket_);
        throw Error("cannot reserve a loopback port for a test's broker: " + why);
    }
    number_ = ntohs(address.sin_port);
}

ReservedPort::~ReservedPort() {
    close(socket_);
}

}  // namespace hpfeeds::testing
