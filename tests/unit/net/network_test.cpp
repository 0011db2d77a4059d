// SPDX-License-Identifier: Apache-2.0
#include "net/network.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <cstring>
#include <string>

namespace hpfeeds::net {
namespace {

Address address(const std::string& text) {
    sockaddr_storage raw{};
    if (text.find(':') == std::string::npos) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        inet_pton(AF_INET, text.c_str(), &in.sin_addr);
        std::memcpy(&raw, &in, sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        inet_pton(AF_INET6, text.c_str(), &in.sin6_addr);
        std::memcpy(&raw, &in, sizeof in);
    }
    return Address(raw);
}

TEST(Network, HoldsWhatBeginsWithItsBits) {
    const Network network({192, 0, 2, 128}, true, 25);
    EXPECT_TRUE(network.contains(address("192.0.2.128")));
    EXPECT_TRUE(network.contains(address("192.0.2.255")));
    EXPECT_TRUE(network.contains(address("::ffff:192.0.2.200"))) << "an IPv4 address, mapped";
    EXPECT_FALSE(network.contains(address("192.0.2.127")));
    EXPECT_FALSE(network.contains(address("193.0.2.128")));
}

TEST(Network, MayBeOneAddress) {
    const Network network({192, 0, 2, 1}, true, 32);
    EXPECT_TRUE(network.contains(address("192.0.2.1")));
    EXPECT_FALSE(network.contains(address("192.0.2.0")));
}

TEST(Network, OfNoBitsHoldsItsWholeFamily) {
    EXPECT_TRUE(Network({}, true, 0).contains(address("255.255.255.255")));
    EXPECT_FALSE(Network({}, true, 0).contains(address("2001:db8::1")));
    EXPECT_TRUE(Network({}, false, 0).contains(address("2001:db8::1")));
    EXPECT_FALSE(Network({}, false, 0).contains(address("192.0.2.1")));
}

TEST(Network, OfIpv6) {
    const Network network({0x20, 0x01, 0x0d, 0xb8, 0x80}, false, 33);
    EXPECT_TRUE(network.contains(address("2001:db8:8000::1")));
    EXPECT_TRUE(network.contains(address("2001:db8:ffff::1")));
    EXPECT_FALSE(network.contains(address("2001:db8:7fff::1")));
}

TEST(Network, HoldsNobodyWhoCameByAUnixSocket) {
    EXPECT_FALSE(Network({}, true, 0).contains(Address::local(1, 0)));
    EXPECT_FALSE(Network({}, false, 0).contains(Address::local(1, 0)));
}

}  // namespace
}  // namespace hpfeeds::net
