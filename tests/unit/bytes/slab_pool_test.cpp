// SPDX-License-Identifier: Apache-2.0
#include "bytes/slab_pool.hpp"

#include "bytes/frame_ref.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::bytes {
namespace {

TEST(SlabPool, GivesRoomForWhatWasAsked) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget);
    for (const std::size_t bytes :
         {std::size_t{1}, small_slab_bytes, slab_bytes - sizeof(Slab), slab_bytes,
          std::size_t{1'048'581}, large_slab_bytes_max, std::size_t{17} << 20}) {
        Slab* slab = pool.take(bytes);
        EXPECT_GE(slab->capacity, bytes);
        EXPECT_EQ(slab->used, 0U);
        EXPECT_EQ(slab->references.load(), 1U);
        slab->data()[bytes - 1] = std::byte{1};
        slab->release();
    }
    EXPECT_EQ(budget.in_use_bytes(), 0U);
}

TEST(SlabPool, GivesTheSameSlabAgain) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget);
    Slab* first = pool.take(slab_bytes / 2);
    first->used = 7;
    first->release();
    Slab* second = pool.take(slab_bytes / 2);
    EXPECT_EQ(first, second);
    EXPECT_EQ(second->used, 0U);
    second->release();
}

TEST(SlabPool, KeepsNoMoreLargeSlabsThanItsBound) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget);
    std::vector<Slab*> slabs;
    for (int i = 0; i < 16; ++i)
        slabs.push_back(pool.take(1 << 20));
    for (Slab* slab : slabs)
        slab->release();
    EXPECT_EQ(budget.in_use_bytes(), 0U);
    while (pool.trim()) {
    }
    EXPECT_FALSE(pool.trim());
}

TEST(SlabPool, TakesBackFromAnotherThread) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget);
    std::vector<Slab*> slabs;
    for (int i = 0; i < 100; ++i)
        slabs.push_back(pool.take(100));
    std::thread([&] {
        for (Slab* slab : slabs)
            slab->release();
    }).join();
    EXPECT_EQ(budget.in_use_bytes(), 0U);
    Slab* again = pool.take(100);
    EXPECT_NE(std::find(slabs.begin(), slabs.end(), again), slabs.end());
    again->release();
}

TEST(SlabPool, GivesSlabsToReceiveInThatMayBeLent) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget, 2);
    Slab* slab = pool.take_to_receive();
    EXPECT_TRUE(slab->lendable);
    EXPECT_EQ(slab->capacity + sizeof(Slab), slab_bytes);
    EXPECT_EQ(budget.in_use_bytes(), slab->capacity);
    EXPECT_GE(SlabPool::file_place(*slab).file, 0);
    Slab* other = pool.take(slab->capacity);
    EXPECT_FALSE(other->lendable) << "who does not receive need not have one";
    other->release();
    slab->release();
    EXPECT_EQ(pool.take_to_receive(), slab);
    slab->release();
    EXPECT_EQ(budget.in_use_bytes(), 0U);
}

TEST(SlabPool, GivesOrdinarySlabsToReceiveInWhenNoOthersAreLeft) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget, 1);
    Slab* first = pool.take_to_receive();
    Slab* second = pool.take_to_receive();
    EXPECT_TRUE(first->lendable);
    EXPECT_FALSE(second->lendable);
    EXPECT_EQ(second->capacity, first->capacity);
    first->release();
    second->release();
    EXPECT_EQ(budget.in_use_bytes(), 0U);

    SlabPool plain(budget);
    Slab* slab = plain.take_to_receive();
    EXPECT_FALSE(slab->lendable);
    slab->release();
}

TEST(SlabPool, ASlabThatWasLentComesBackWithOtherPages) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget, 1);
    Slab* slab = pool.take_to_receive();
    std::memset(slab->data(), 'a', slab->capacity);
    slab->release();
    EXPECT_EQ(pool.take_to_receive()->data()[1], std::byte{'a'}) << "was not lent: the same pages";
    slab->lent = true;
    std::thread([&] { slab->release(); }).join();  // by a reader of another shard
    Slab* again = pool.take_to_receive();
    EXPECT_EQ(again, slab);
    EXPECT_FALSE(again->lent);
    EXPECT_EQ(again->data()[1], std::byte{0});
    again->release();
}

TEST(SlabPool, ReturnsSlabsThatMayBeLentToTheSystem) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget, 100);
    std::vector<Slab*> burst;
    for (int i = 0; i < 100; ++i) {
        burst.push_back(pool.take_to_receive());
        std::memset(burst.back()->data(), 1, burst.back()->capacity);
    }
    struct stat about {};
    const int file = SlabPool::file_place(*burst[0]).file;
    ASSERT_EQ(fstat(file, &about), 0);
    EXPECT_GE(about.st_blocks * 512, static_cast<blkcnt_t>(100 * slab_bytes));
    for (Slab* slab : burst)
        slab->release();
    while (pool.trim()) {
    }
    ASSERT_EQ(fstat(file, &about), 0);
    EXPECT_EQ(about.st_blocks, 0);
}

TEST(MemoryBudget, SaysWhenItIsScarceAndExceeded) {
    MemoryBudget budget(1000);
    budget.add(250);
    EXPECT_FALSE(budget.scarce());
    budget.add(1);
    EXPECT_TRUE(budget.scarce());
    EXPECT_FALSE(budget.exceeded());
    budget.add(750);
    EXPECT_TRUE(budget.exceeded());
    budget.subtract(1);
    EXPECT_FALSE(budget.exceeded());
}

TEST(FrameRef, GivesItsReferenceBackOnce) {
    MemoryBudget budget(1 << 30);
    SlabPool pool(budget);
    Slab* slab = pool.take(10);
    FrameRef first = FrameRef::share({slab, 0, 5});
    FrameRef second = std::move(first);
    EXPECT_TRUE(first.empty());  // NOLINT: a moved-from reference is empty by contract
    EXPECT_EQ(slab->references.load(), 2U);
    second = FrameRef();
    EXPECT_EQ(slab->references.load(), 1U);
    FrameRef last = FrameRef::adopt({slab, 0, 5});
    last.reset();
    EXPECT_EQ(budget.in_use_bytes(), 0U);
}

std::size_t resident_bytes() {
    std::size_t all_pages = 0;
    std::size_t resident_pages = 0;
    std::ifstream("/proc/self/statm") >> all_pages >> resident_pages;
    return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// What is allocated last keeps the C library from returning what is freed below it.
TEST(SlabPool, ReturnsTheMemoryOfABurstToTheSystem) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's allocator returns nothing";
#endif
    MemoryBudget budget(512U << 20);
    SlabPool pool(budget);
    const std::size_t before = resident_bytes();
    std::vector<Slab*> burst;
    std::vector<std::unique_ptr<std::string>> between;
    for (int i = 0; i < 1000; ++i) {
        burst.push_back(pool.take(slab_bytes - sizeof(Slab)));
        std::memset(burst.back()->data(), 1, burst.back()->capacity);
        between.push_back(std::make_unique<std::string>(2000, 'x'));
    }
    const std::size_t burst_bytes = resident_bytes() - before;
    EXPECT_GT(burst_bytes, 1000 * slab_bytes / 10 * 9);
    for (Slab* slab : burst)
        slab->release();
    int calls = 0;
    while (pool.trim() && calls < 60)
        ++calls;
    EXPECT_LT(calls, 60) << "seconds, in the broker";
    EXPECT_LT(resident_bytes() - before, burst_bytes / 10);
}

}  // namespace
}  // namespace hpfeeds::bytes
