// SPDX-License-Identifier: Apache-2.0
#include "auth/worker_thread.hpp"

#include <gtest/gtest.h>

#include <array>

namespace hpfeeds::auth {
namespace {

TEST(WorkerThread, TakesNoSignalsAndLeavesOursAlone) {
    sigset_t before;
    ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
    sigset_t inside;
    sigemptyset(&inside);
    std::thread thread =
        start_worker_thread("unit-test", [&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
    thread.join();
    EXPECT_EQ(sigismember(&inside, SIGTERM), 1);
    EXPECT_EQ(sigismember(&inside, SIGINT), 1);
    sigset_t after;
    ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
    for (const int signal : std::array{SIGTERM, SIGINT, SIGHUP})
        EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal));
}

TEST(WorkerThread, GivesWayAloneAndNotWithTheWholeProcess) {
    const int before = getpriority(PRIO_PROCESS, 0);
    int inside = 0;
    std::thread thread = start_worker_thread("unit-test", [&] {
        give_way_to_messages();
        inside = getpriority(PRIO_PROCESS, 0);
    });
    thread.join();
    EXPECT_GE(inside, 5);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
}

}  // namespace
}  // namespace hpfeeds::auth
