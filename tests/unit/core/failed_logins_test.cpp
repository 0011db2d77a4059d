// SPDX-License-Identifier: Apache-2.0
#include "core/failed_logins.hpp"

#include "core/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace hpfeeds::core {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

std::uint64_t hash_of(int address) {
    return keyed_hash({3, 4}, std::to_string(address));
}

class FailedLoginsTest : public ::testing::Test {
protected:
    milliseconds add(int address) { return table.add(hash_of(address), now, 1s, 30s); }

    FailedLogins table;
    Instant now{1h};
};

TEST_F(FailedLoginsTest, WaitForOnePauseEach) {
    EXPECT_EQ(add(1), 1s);
    EXPECT_EQ(add(1), 2s);
    EXPECT_EQ(add(1), 3s);
    EXPECT_EQ(add(2), 1s) << "another address";
    now += 2s;
    EXPECT_EQ(add(1), 2s) << "two of the three are over";
    now += 2s;
    EXPECT_EQ(add(1), 1s) << "it owes nothing any more";
}

TEST_F(FailedLoginsTest, WaitNoLongerThanTold) {
    for (int i = 0; i < 30; ++i)
        (void)add(1);
    EXPECT_EQ(add(1), 30s);
    now += 29s;
    EXPECT_EQ(add(1), 2s) << "what would have been longer is not owed";
}

// Strangers with any number of addresses, each failing once: whoever fails again and again is
// remembered all the same.
TEST_F(FailedLoginsTest, OfACrowdDoNotHideOneThatGoesOn) {
    for (int i = 0; i < 5; ++i)
        (void)add(-1);
    for (int address = 0; address < 200'000; ++address)
        EXPECT_EQ(add(address), 1s);
    EXPECT_EQ(add(-1), 6s);
}

// Where everybody owes, a newcomer waits for one pause, is not written down, and that is counted.
TEST(FailedLogins, OfANewcomerAreLetGoWhereThereIsNoRoom) {
    FailedLogins table(8);
    const Instant now{1h};
    for (int address = 0; address < 8; ++address)
        for (int i = 0; i < 3; ++i)
            (void)table.add(hash_of(address), now, 1s, 30s);
    EXPECT_EQ(table.uncounted(), 0U);
    EXPECT_EQ(table.add(hash_of(8), now, 1s, 30s), 1s);
    EXPECT_EQ(table.add(hash_of(8), now, 1s, 30s), 1s);
    EXPECT_EQ(table.uncounted(), 2U);
    for (int address = 0; address < 8; ++address)
        EXPECT_EQ(table.add(hash_of(address), now, 1s, 30s), 4s);
}

TEST(FailedLogins, OfOneAddressAddUpAmongThreads) {
    FailedLogins table;
    const Instant now{1h};
    (void)table.add(hash_of(1), now, 1ms, 1h);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (int i = 0; i < 10'000; ++i)
                (void)table.add(hash_of(1), now, 1ms, 1h);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(table.add(hash_of(1), now, 1ms, 1h), 40'002ms);
}

}  // namespace
}  // namespace hpfeeds::core
