// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_greeting.hpp"

#include "net/descriptor.hpp"
#include "support/proxy_header.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <string>

namespace hpfeeds::net {
namespace {

using Step = ProxyGreeting::Step;

class ProxyGreetingTest : public testing::Test {
protected:
    ProxyGreetingTest() {
        std::array<int, 2> both{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
        ours_ = Descriptor(both[0]);
        theirs_ = Descriptor(both[1]);
    }
    Step hear(std::string_view said) {
        EXPECT_EQ(::write(theirs_.get(), said.data(), said.size()),
                  static_cast<ssize_t>(said.size()));
        return greeting_.advance(ours_.get());
    }
    Step hang_up() {
        theirs_.reset();
        return greeting_.advance(ours_.get());
    }
    std::string left_on_the_socket() {
        std::array<char, 256> room{};
        const ssize_t count = ::read(ours_.get(), room.data(), room.size());
        return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
    }

    Descriptor ours_, theirs_;
    ProxyGreeting greeting_;
};

const std::string header =
    support::proxy_header_from("192.0.2.1", 4242, support::proxy_tlv(2, "sensors.example"));

TEST_F(ProxyGreetingTest, TakesTheHeaderAndNothingBehindIt) {
    EXPECT_EQ(hear(header + "\x16\x03\x01 hello"), Step::done);
    EXPECT_EQ(greeting_.header().source->text(), "192.0.2.1:4242");
    EXPECT_EQ(left_on_the_socket(), "\x16\x03\x01 hello");
}

TEST_F(ProxyGreetingTest, TakesItByteByByte) {
    for (std::size_t at = 0; at + 1 < header.size(); ++at)
        ASSERT_EQ(hear(header.substr(at, 1)), Step::wants_read) << at;
    EXPECT_EQ(hear(header.substr(header.size() - 1)), Step::done);
    EXPECT_EQ(greeting_.header().source->text(), "192.0.2.1:4242");
}

TEST_F(ProxyGreetingTest, WaitsForTheFirstByte) {
    EXPECT_EQ(greeting_.advance(ours_.get()), Step::wants_read);
}

TEST_F(ProxyGreetingTest, WhoLeavesWithoutAWordWasAProbe) {
    EXPECT_EQ(hang_up(), Step::ended);
    EXPECT_EQ(greeting_.end(), ProxyEnd::probe);
}

TEST_F(ProxyGreetingTest, WhoLeavesInTheMiddleHasLeft) {
    EXPECT_EQ(hear(header.substr(0, 20)), Step::wants_read);
    EXPECT_EQ(hang_up(), Step::ended);
    EXPECT_EQ(greeting_.end(), ProxyEnd::peer_left);
}

TEST_F(ProxyGreetingTest, RefusesAsSoonAsItCannotBeOne) {
    EXPECT_EQ(hear("GE"), Step::ended);
    EXPECT_EQ(greeting_.end(), ProxyEnd::bad_header);
    EXPECT_EQ(greeting_.header().refusal, ProxyRefusal::no_header);
}

TEST(ProxyTerms, TrustsEverybodyOrThoseNamed) {
    const Address peer = *parse_proxy_header(std::as_bytes(std::span(header))).source;
    EXPECT_TRUE(ProxyTerms{}.trusts(peer));
    EXPECT_TRUE(
        (ProxyTerms{{Network({10}, true, 8), Network({192, 0, 2}, true, 24)}}.trusts(peer)));
    EXPECT_FALSE((ProxyTerms{{Network({10}, true, 8)}}.trusts(peer)));
}

TEST(ProxyEnd, HasAWordAndASentenceEach) {
    for (std::size_t i = 0; i < proxy_end_count; ++i) {
        EXPECT_FALSE(label(static_cast<ProxyEnd>(i)).empty());
        EXPECT_FALSE(describe(static_cast<ProxyEnd>(i)).empty());
    }
}

}  // namespace
}  // namespace hpfeeds::net
