// SPDX-License-Identifier: Apache-2.0
#include "net/poller.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <array>
#include <cstdint>
#include <vector>

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

TEST(Poller, BeginsWithWhoeverHadNoTurnTheLastTime) {
    Poller poller;
    std::array<Pair, 3> pairs;
    for (std::uint64_t tag = 0; tag < pairs.size(); ++tag) {
        ASSERT_TRUE(poller.watch(pairs[tag].left.get(), tag, {true, false}));
        ASSERT_EQ(::write(pairs[tag].right.get(), "x", 1), 1);
    }
    const auto tags = [&] {
        std::vector<std::uint64_t> list;
        for (const Ready& ready : poller.wait(std::nullopt))
            list.push_back(ready.tag);
        return list;
    };
    const std::vector<std::uint64_t> usual = tags();
    poller.begin_with(usual[1]);
    EXPECT_EQ(tags(), (std::vector<std::uint64_t>{usual[1], usual[2], usual[0]}));
    EXPECT_EQ(tags(), usual) << "once only";
    // One that is not ready any more changes nothing.
    poller.begin_with(99);
    EXPECT_EQ(tags(), usual);
}

TEST(Poller, RefusesADescriptorThatIsNone) {
    Poller poller;
    EXPECT_FALSE(poller.watch(-1, 1, {true, false}));
}

}  // namespace
}  // namespace hpfeeds::net
