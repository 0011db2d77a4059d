// SPDX-License-Identifier: Apache-2.0
#include "auth/request_ring.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::auth {
namespace {

Request request_of(std::uint32_t shard, std::uint32_t number) {
    Request request;
    request.shard = shard;
    request.session_index = number;
    return request;
}

TEST(Request, HoldsIdentsOfUpTo255Bytes) {
    Request request;
    const std::string ident("\0'\"\xFF", 4);
    EXPECT_TRUE(request.set_ident(ident));
    EXPECT_EQ(request.ident(), ident);
    EXPECT_TRUE(request.set_ident(std::string(255, 'i')));
    EXPECT_EQ(request.ident(), std::string(255, 'i'));
    EXPECT_TRUE(request.set_ident(""));
    EXPECT_EQ(request.ident(), "");
}

TEST(Request, RefusesALongerIdent) {
    Request request;
    ASSERT_TRUE(request.set_ident("old"));
    EXPECT_FALSE(request.set_ident(std::string(256, 'i')));
    EXPECT_EQ(request.ident(), "old");
}

TEST(RequestRing, GivesBackInOrder) {
    RequestRing ring(3);
    Request out;
    EXPECT_FALSE(ring.pop(out));
    for (std::uint32_t round = 0; round < 5; ++round) {
        for (std::uint32_t number = 0; number < 3; ++number)
            EXPECT_TRUE(ring.push(request_of(round, number)));
        for (std::uint32_t number = 0; number < 3; ++number) {
            ASSERT_TRUE(ring.pop(out));
            EXPECT_EQ(out.shard, round);
            EXPECT_EQ(out.session_index, number);
        }
        EXPECT_FALSE(ring.pop(out));
    }
}

TEST(RequestRing, RefusesWhatIsBeyondItsSize) {
    for (const std::size_t size : {2U, 3U, 8U}) {
        RequestRing ring(size);
        for (std::size_t number = 0; number < size; ++number)
            EXPECT_TRUE(ring.push(Request{}));
        EXPECT_FALSE(ring.push(Request{}));
        EXPECT_EQ(ring.size(), size);
        Request out;
        EXPECT_TRUE(ring.pop(out));
        EXPECT_TRUE(ring.push(Request{}));
        EXPECT_FALSE(ring.push(Request{}));
    }
}

TEST(RequestRing, LosesAndDoublesNothingBetweenThreads) {
    constexpr std::uint32_t producers = 3;
    constexpr std::uint32_t each = 20'000;
    RequestRing ring(7);
    std::vector<std::atomic<int>> seen(producers * each);
    std::atomic<std::uint32_t> taken{0};
    std::vector<std::thread> threads;
    for (std::uint32_t producer = 0; producer < producers; ++producer)
        threads.emplace_back([&, producer] {
            for (std::uint32_t number = 0; number < each; ++number) {
                Request request = request_of(producer, number);
                ASSERT_TRUE(request.set_ident(std::to_string(number)));
                while (!ring.push(request))
                    std::this_thread::yield();
            }
        });
    for (int consumer = 0; consumer < 3; ++consumer)
        threads.emplace_back([&] {
            Request out;
            while (taken.load() < producers * each) {
                if (!ring.pop(out)) {
                    std::this_thread::yield();
                    continue;
                }
                EXPECT_EQ(out.ident(), std::to_string(out.session_index));
                seen[out.shard * each + out.session_index].fetch_add(1);
                taken.fetch_add(1);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    for (const std::atomic<int>& count : seen)
        ASSERT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace hpfeeds::auth
