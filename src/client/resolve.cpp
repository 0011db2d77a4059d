// SPDX-License-Identifier: Apache-2.0
#include "client/resolve.hpp"

#include "client/errc.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace hpfeeds::client {

Resolved resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    Resolved result;
    if (const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found)) {
        result.error = Errc::host_not_found;
        result.explanation = failed == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(failed);
        result.resolver_failed = failed != EAI_NONAME;
        return result;
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        std::array<char, NI_MAXHOST> digits{};
        if (getnameinfo(each->ai_addr, each->ai_addrlen, digits.data(), digits.size(), nullptr, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        if (std::find(result.addresses.begin(), result.addresses.end(), digits.data()) ==
            result.addresses.end())
            result.addresses.emplace_back(digits.data());
    }
    return result;
}

}  // namespace hpfeeds::client
