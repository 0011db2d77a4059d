// SPDX-License-Identifier: Apache-2.0
#include "net/places.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::net {
namespace {

TEST(Places, AreAsManyAsThereAre) {
    Places places(2);
    EXPECT_TRUE(places.take());
    EXPECT_TRUE(places.take());
    EXPECT_FALSE(places.take());
    EXPECT_EQ(places.taken(), 2U) << "a refusal takes none";
    places.give_back();
    EXPECT_TRUE(places.take());
}

TEST(Places, AreNeverGivenTwice) {
    constexpr int threads = 4;
    constexpr std::size_t places_max = 1'000;
    Places places(places_max);
    std::atomic<std::size_t> taken{0};
    std::vector<std::thread> takers;
    for (int i = 0; i < threads; ++i)
        takers.emplace_back([&] {
            for (int attempt = 0; attempt < 2'000; ++attempt)
                if (places.take()) ++taken;
        });
    for (std::thread& taker : takers)
        taker.join();
    EXPECT_EQ(taken, places_max);
}

Address address_of(const char* text) {
    sockaddr_storage raw{};
    auto* in = reinterpret_cast<sockaddr_in6*>(&raw);
    in->sin6_family = AF_INET6;
    inet_pton(AF_INET6, text, &in->sin6_addr);
    return Address(raw);
}

TEST(Places, OfOneAddressAreBounded) {
    Places places(100, {.places_max = 1});
    core::PlaceTable::Place first;
    core::PlaceTable::Place second;
    EXPECT_TRUE(places.take_of(address_of("::ffff:192.0.2.1"), first));
    EXPECT_FALSE(places.take_of(address_of("::ffff:192.0.2.1"), second));
    EXPECT_TRUE(places.take_of(address_of("::ffff:192.0.2.2"), second));
    first = {};
    EXPECT_TRUE(places.take_of(address_of("::ffff:192.0.2.1"), first));
}

TEST(Places, OfIpv6AreOnesOfItsFirst64Bits) {
    Places places(100, {.places_max = 1});
    core::PlaceTable::Place first;
    core::PlaceTable::Place second;
    EXPECT_TRUE(places.take_of(address_of("2001:db8:0:1::1"), first));
    EXPECT_FALSE(places.take_of(address_of("2001:db8:0:1:ffff::2"), second));
    EXPECT_TRUE(places.take_of(address_of("2001:db8:0:2::1"), second));
}

TEST(Places, OfThisMachineAreBoundedWhereThatIsAskedFor) {
    for (const char* text : {"::1", "::ffff:127.0.0.1"}) {
        for (const bool asked : {false, true}) {
            Places places(100, {.places_max = 1, .loopback_too = asked});
            core::PlaceTable::Place first;
            core::PlaceTable::Place second;
            EXPECT_TRUE(places.take_of(address_of(text), first));
            EXPECT_EQ(places.take_of(address_of(text), second), !asked) << text;
        }
    }
}

TEST(Places, OfAnAddressAreAnyNumberUnlessTold) {
    Places places(100);
    core::PlaceTable::Place place;
    for (int i = 0; i < 1'000; ++i)
        EXPECT_TRUE(places.take_of(address_of("2001:db8::1"), place));
}

// Whoever came before the bound is counted, and stays.
TEST(Places, OfAnAddressAreBoundedFromAReloadOn) {
    for (const char* text : {"192.0.2.1", "::1"}) {
        const std::string mapped = text[0] == ':' ? text : "::ffff:" + std::string(text);
        const Address peer = address_of(mapped.c_str());
        Places places(100);
        core::PlaceTable::Place first;
        core::PlaceTable::Place second;
        core::PlaceTable::Place third;
        ASSERT_TRUE(places.take_of(peer, first));
        ASSERT_TRUE(places.take_of(peer, second));
        places.set_of_address({.places_max = 2, .loopback_too = true});
        EXPECT_EQ(places.of_address_max(), 2U);
        EXPECT_FALSE(places.take_of(peer, third)) << text;
        EXPECT_TRUE(first.taken());
        first = {};
        EXPECT_TRUE(places.take_of(peer, third)) << text;
        places.set_of_address({});
        EXPECT_TRUE(places.take_of(peer, first)) << text;
    }
}

}  // namespace
}  // namespace hpfeeds::net
