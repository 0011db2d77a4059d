// SPDX-License-Identifier: Apache-2.0
#include "config/network.hpp"

#include "config/quantity.hpp"
#include "config/refuse.hpp"

#include <arpa/inet.h>

namespace hpfeeds::config {
namespace {

constexpr std::size_t text_bytes_max = 46;  // of an IPv6 address, its zero byte included
constexpr unsigned v4_bits = 32;
constexpr unsigned v6_bits = 128;

unsigned bits_of(bool v4) {
    return v4 ? v4_bits : v6_bits;
}

void clear_behind(Network& network) {
    for (unsigned bit = network.prefix_bits; bit < bits_of(network.v4); ++bit)
        network.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
}

}  // namespace

std::string Network::text() const {
    std::array<char, text_bytes_max> host{};
    inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), host.data(), host.size());
    std::string out = host.data();
    if (prefix_bits != bits_of(v4)) out += "/" + std::to_string(prefix_bits);
    return out;
}

Network parse_network(std::string_view text, std::string_view flag, std::string_view whole) {
    const std::size_t slash = text.find('/');
    const std::string host(text.substr(0, slash));
    Network network;
    network.v4 = host.find(':') == std::string::npos;
    // A zero byte would end the text early for inet_pton.
    const bool known =
        host.find('\0') == std::string::npos &&
        inet_pton(network.v4 ? AF_INET : AF_INET6, host.c_str(), network.bytes.data()) == 1;
    if (!known)
        refuse(flag, whole,
               in_quotes(text) +
                   " is neither an address nor a network; write one as in 192.0.2.7 or "
                   "10.0.0.0/8, in IPv6 with \\: for each colon");
    network.prefix_bits = bits_of(network.v4);
    if (slash == std::string_view::npos) return network;
    const auto bits = parse_count(text.substr(slash + 1));
    if (!bits || *bits > bits_of(network.v4))
        refuse(flag, whole,
               in_quotes(text) + ": a prefix is a number from 0 to " +
                   std::to_string(bits_of(network.v4)));
    network.prefix_bits = static_cast<unsigned>(*bits);
    Network cleared = network;
    clear_behind(cleared);
    if (cleared != network)
        refuse(flag, whole,
               in_quotes(text) + " has bits behind its prefix; write " + cleared.text());
    return network;
}

}  // namespace hpfeeds::config
