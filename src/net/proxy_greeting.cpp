// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_greeting.hpp"

#include <sys/socket.h>
#include <array>
#include <cerrno>

namespace hpfeeds::net {
namespace {

struct Text {
    std::string_view label;
    std::string_view description;
};

constexpr std::array<Text, proxy_end_count> texts{{
    {"bad-proxy-header", "what came is no PROXY header"},
    {"untrusted-proxy",
     "the endpoint believes PROXY headers from the addresses in trust= alone, and this peer is "
     "none of them"},
    {"proxy-header-deadline", "no whole PROXY header came within the login deadline"},
    {"peer-left", "the peer hung up in the middle of its PROXY header"},
    {"probe", "the peer connected and left without a word"},
    {"crowded-out", "too many connections were waited for, and this was the oldest"},
    {"shutdown", "the broker is stopping"},
}};

}  // namespace

std::string_view label(ProxyEnd end) noexcept {
    return texts[static_cast<std::size_t>(end)].label;
}
std::string_view describe(ProxyEnd end) noexcept {
    return texts[static_cast<std::size_t>(end)].description;
}

ProxyGreeting::Step ProxyGreeting::fail(ProxyEnd end) noexcept {
    end_ = end;
    return Step::ended;
}

ProxyGreeting::Step ProxyGreeting::advance(int fd) noexcept {
    for (;;) {
        // Never more than the header needs: the fixed part tells how long the rest is.
        const std::size_t had = came_.size();
        came_.resize(header_.bytes);
        const ssize_t count = recv(fd, came_.data() + had, came_.size() - had, 0);
        came_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count == 0) return fail(had == 0 ? ProxyEnd::probe : ProxyEnd::peer_left);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK
                       ? Step::wants_read
                       : fail(had == 0 ? ProxyEnd::probe : ProxyEnd::peer_left);
        header_ = parse_proxy_header(came_);
        if (header_.outcome == ProxyHeader::Outcome::complete) return Step::done;
        if (header_.outcome == ProxyHeader::Outcome::refused) return fail(ProxyEnd::bad_header);
    }
}

}  // namespace hpfeeds::net
