// SPDX-License-Identifier: Apache-2.0
#include "auth/stall_watch.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace hpfeeds::auth {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds hours{7'200'000};

struct SocketPair {
    SocketPair() {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    }
    ~SocketPair() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    std::array<int, 2> ends{};
};

// What a driver does: waits for bytes from a server that says nothing.
ssize_t receive(int socket) {
    char byte = 0;
    return ::recv(socket, &byte, 1, 0);
}

TEST(StallWatch, EndsWaitingForAPeerThatSaysNothing) {
    StallWatch watch;
    const SocketPair pair;
    const StallWatch::Guard guard(watch, pair.ends[0], milliseconds(1));
    EXPECT_EQ(receive(pair.ends[0]), 0);
    EXPECT_TRUE(guard.expired());
}

TEST(StallWatch, LeavesASocketAloneThatAnswersInTime) {
    StallWatch watch;
    const SocketPair pair;
    ASSERT_EQ(::send(pair.ends[1], "x", 1, 0), 1);
    {
        const StallWatch::Guard guard(watch, pair.ends[0], hours);
        EXPECT_EQ(receive(pair.ends[0]), 1);
        EXPECT_FALSE(guard.expired());
    }
    ASSERT_EQ(::send(pair.ends[1], "x", 1, 0), 1);
    EXPECT_EQ(receive(pair.ends[0]), 1);
}

TEST(StallWatch, WatchesSeveralAtOnce) {
    StallWatch watch;
    const SocketPair patient;
    const SocketPair first;
    const SocketPair second;
    const StallWatch::Guard long_guard(watch, patient.ends[0], hours);
    const StallWatch::Guard first_guard(watch, first.ends[0], milliseconds(1));
    const StallWatch::Guard second_guard(watch, second.ends[0], milliseconds(2));
    EXPECT_EQ(receive(second.ends[0]), 0);
    EXPECT_EQ(receive(first.ends[0]), 0);
    EXPECT_FALSE(long_guard.expired());
    ASSERT_EQ(::send(patient.ends[1], "x", 1, 0), 1);
    EXPECT_EQ(receive(patient.ends[0]), 1);
}

TEST(StallWatch, CanBeUsedAgainAndWithoutASocket) {
    StallWatch watch;
    for (int turn = 0; turn < 3; ++turn) {
        const SocketPair pair;
        const StallWatch::Guard nothing(watch, -1, milliseconds(1));
        const StallWatch::Guard guard(watch, pair.ends[0], milliseconds(1));
        EXPECT_EQ(receive(pair.ends[0]), 0);
    }
}

}  // namespace
}  // namespace hpfeeds::auth
