// SPDX-License-Identifier: Apache-2.0
#include "net/poller.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <array>

namespace hpfeeds::net {
namespace {

struct Pair {
    Pair() {
        std::array<int, 2> both{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
        left = Descriptor(both[0]);
        right = Descriptor(both[1]);
    }
    Descriptor left, right;
};

TEST(Poller, TellsWhoIsReadable) {
    Poller poller;
    Pair pair;
    ASSERT_TRUE(poller.watch(pair.left.get(), 77, {true, false}));
    EXPECT_TRUE(poller.wait(std::chrono::milliseconds{0}).empty());
    ASSERT_EQ(::write(pair.right.get(), "x", 1), 1);
    const auto ready = poller.wait(std::nullopt);
    ASSERT_EQ(ready.size(), 1U);
    EXPECT_EQ(ready[0].tag, 77U);
    EXPECT_TRUE(ready[0].readable);
    EXPECT_FALSE(ready[0].writable);
}

TEST(Poller, TellsOnlyWhatIsOfInterest) {
    Poller poller;
    Pair pair;
    ASSERT_TRUE(poller.watch(pair.left.get(), 1, {false, true}));
    ASSERT_EQ(::write(pair.right.get(), "x", 1), 1);
    auto ready = poller.wait(std::nullopt);
    ASSERT_EQ(ready.size(), 1U);
    EXPECT_TRUE(ready[0].writable);
    EXPECT_FALSE(ready[0].readable);
    poller.change(pair.left.get(), 1, {false, false});
    EXPECT_TRUE(poller.wait(std::chrono::milliseconds{0}).empty());
}

TEST(Poller, TellsAHangUpWhateverTheInterest) {
    Poller poller;
    Pair pair;
    ASSERT_TRUE(poller.watch(pair.left.get(), 1, {false, false}));
    pair.right.reset();
    auto ready = poller.wait(std::nullopt);
    ASSERT_EQ(ready.size(), 1U);
    EXPECT_TRUE(ready[0].hung_up);
    poller.unwatch(pair.left.get());
    EXPECT_TRUE(poller.wait(std::chrono::milliseconds{0}).empty());
}

TEST(Poller, RefusesADescriptorThatIsNone) {
    Poller poller;
    EXPECT_FALSE(poller.watch(-1, 1, {true, false}));
}

}  // namespace
}  // namespace hpfeeds::net
