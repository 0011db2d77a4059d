// SPDX-License-Identifier: Apache-2.0
#include "net/address.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <cstring>

namespace hpfeeds::net {
namespace {

Address address_of(int family, const char* text, std::uint16_t port) {
    sockaddr_storage raw{};
    raw.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
        auto* in = reinterpret_cast<sockaddr_in*>(&raw);
        in->sin_port = htons(port);
        inet_pton(AF_INET, text, &in->sin_addr);
    } else {
        auto* in = reinterpret_cast<sockaddr_in6*>(&raw);
        in->sin6_port = htons(port);
        inet_pton(AF_INET6, text, &in->sin6_addr);
    }
    return Address(raw);
}

TEST(Address, ShowsIpv4) {
    EXPECT_EQ(address_of(AF_INET, "192.0.2.1", 4242).text(), "192.0.2.1:4242");
    EXPECT_EQ(address_of(AF_INET, "192.0.2.1", 4242).port(), 4242);
}

TEST(Address, ShowsIpv6InBrackets) {
    EXPECT_EQ(address_of(AF_INET6, "2001:db8::1", 1).text(), "[2001:db8::1]:1");
    EXPECT_EQ(address_of(AF_INET6, "2001:db8::1", 1).host(), "2001:db8::1");
}

TEST(Address, ShowsAMappedAddressAsIpv4) {
    EXPECT_EQ(address_of(AF_INET6, "::ffff:192.0.2.1", 7).text(), "192.0.2.1:7");
}

TEST(Address, IsOfANetworkThatOnePeerHas) {
    const auto network = [](int family, const char* text) {
        return address_of(family, text, 1).network();
    };
    EXPECT_EQ(network(AF_INET, "192.0.2.1"), network(AF_INET6, "::ffff:192.0.2.1"));
    EXPECT_NE(network(AF_INET, "192.0.2.1"), network(AF_INET, "192.0.2.2"));
    EXPECT_EQ(network(AF_INET6, "2001:db8::1"), network(AF_INET6, "2001:db8::ffff:0:0:2"));
    EXPECT_NE(network(AF_INET6, "2001:db8::1"), network(AF_INET6, "2001:db8:0:1::1"));
    EXPECT_NE(network(AF_INET6, "c000:201::"), network(AF_INET, "192.0.2.1"));
}

TEST(Address, KnowsItsOwnMachine) {
    EXPECT_TRUE(address_of(AF_INET, "127.0.0.1", 1).loopback());
    EXPECT_TRUE(address_of(AF_INET, "127.8.0.2", 1).loopback());
    EXPECT_TRUE(address_of(AF_INET6, "::1", 1).loopback());
    EXPECT_TRUE(address_of(AF_INET6, "::ffff:127.0.0.1", 1).loopback());
    EXPECT_FALSE(address_of(AF_INET, "128.0.0.1", 1).loopback());
    EXPECT_FALSE(address_of(AF_INET6, "::", 1).loopback());
    EXPECT_FALSE(address_of(AF_INET6, "7f00:1::1", 1).loopback());
}

TEST(Address, ShowsWhoIsAtTheOtherEndOfAUnixSocket) {
    const Address address = Address::local(4242, 1000);
    EXPECT_EQ(address.text(), "unix:pid=4242,uid=1000");
    EXPECT_EQ(address.host(), "unix");
    EXPECT_EQ(address.port(), 0);
    EXPECT_EQ(address.family(), Address::Family::local);
    EXPECT_TRUE(address.loopback());
    EXPECT_EQ(address.network(), Address::local(4243, 1000).network()) << "a user is one peer";
    EXPECT_NE(address.network(), Address::local(4242, 1001).network());
}

TEST(Address, IsTheSameMappedOrNot) {
    const Address mapped = address_of(AF_INET6, "::ffff:192.0.2.1", 7);
    EXPECT_EQ(mapped.family(), Address::Family::v4);
    EXPECT_EQ(mapped.bytes(), address_of(AF_INET, "192.0.2.1", 7).bytes());
}

}  // namespace
}  // namespace hpfeeds::net
