// SPDX-License-Identifier: Apache-2.0
#include "bytes/lendable_memory.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace hpfeeds::bytes {
namespace {

constexpr std::size_t lent_bytes = 48 * 1024;

std::size_t memory_of_file(int file) {
    struct stat about {};
    EXPECT_EQ(fstat(file, &about), 0);
    return static_cast<std::size_t>(about.st_blocks) * 512;
}

class LendableMemoryTest : public ::testing::Test {
protected:
    LendableMemoryTest() {
        std::array<int, 2> both{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, both.data()), 0);
        ours = both[0];
        theirs = both[1];
    }
    ~LendableMemoryTest() override {
        close(ours);
        close(theirs);
    }
    // What the socket has taken stays there until it is read.
    void lend(const std::byte* data) {
        const auto place = memory.place_of(data);
        off_t offset = place.offset;
        ASSERT_EQ(sendfile(ours, place.file, &offset, lent_bytes),
                  static_cast<ssize_t>(lent_bytes));
    }
    std::string read() {
        std::string got(lent_bytes, '\0');
        EXPECT_EQ(recv(theirs, got.data(), got.size(), MSG_WAITALL),
                  static_cast<ssize_t>(got.size()));
        return got;
    }

    int ours = -1, theirs = -1;
    LendableMemory memory{4};
};

TEST_F(LendableMemoryTest, WhatWasLentStaysAsItWasWhenItsPlaceIsUsedAgain) {
    std::byte* data = memory.take();
    ASSERT_NE(data, nullptr);
    std::memset(data, 'a', slab_bytes);
    lend(data);
    ASSERT_TRUE(memory.renew(data));
    std::memset(data, 'b', slab_bytes);
    EXPECT_EQ(read(), std::string(lent_bytes, 'a'));
    lend(data);
    EXPECT_EQ(read(), std::string(lent_bytes, 'b'));
}

// This is why: the pages themselves are under way, not their bytes.
TEST_F(LendableMemoryTest, WithoutOtherPagesTheReaderWouldHearWhatIsWrittenNext) {
    std::byte* data = memory.take();
    ASSERT_NE(data, nullptr);
    std::memset(data, 'a', slab_bytes);
    lend(data);
    std::memset(data, 'b', slab_bytes);
    EXPECT_EQ(read(), std::string(lent_bytes, 'b')) << "this system copies: lending gains nothing";
}

TEST_F(LendableMemoryTest, WhatWasLentOutlivesTheMemory) {
    {
        LendableMemory other(1);
        std::byte* data = other.take();
        ASSERT_NE(data, nullptr);
        std::memset(data, 'a', slab_bytes);
        const auto place = other.place_of(data);
        off_t offset = place.offset;
        ASSERT_EQ(sendfile(ours, place.file, &offset, lent_bytes),
                  static_cast<ssize_t>(lent_bytes));
    }
    EXPECT_EQ(read(), std::string(lent_bytes, 'a'));
}

TEST_F(LendableMemoryTest, GivesEachPlaceOnceAndThenNone) {
    std::set<std::byte*> places;
    for (int i = 0; i < 4; ++i)
        places.insert(memory.take());
    EXPECT_EQ(places.size(), 4U);
    EXPECT_FALSE(places.contains(nullptr));
    EXPECT_EQ(memory.take(), nullptr);
    memory.give_back(*places.begin());
    EXPECT_EQ(memory.take(), *places.begin());
}

TEST_F(LendableMemoryTest, TakesMemoryForWhatIsTakenOnly) {
    const int file = memory.place_of(nullptr).file;
    EXPECT_EQ(memory_of_file(file), 0U);
    std::byte* data = memory.take();
    ASSERT_NE(data, nullptr);
    std::memset(data - 32, 'a', 32 + slab_bytes);
    EXPECT_GE(memory_of_file(file), slab_bytes);
    memory.give_back(data);
    EXPECT_EQ(memory_of_file(file), 0U);
}

TEST(LendableMemory, IsNoneWhereNoFileMayBeSoLong) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit low = before;
    low.rlim_cur = 3 * slab_bytes;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
    LendableMemory none(4);
    EXPECT_EQ(none.take(), nullptr);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
}

TEST(LendableMemory, ForNoSlabsIsNone) {
    LendableMemory none(0);
    EXPECT_EQ(none.take(), nullptr);
}

}  // namespace
}  // namespace hpfeeds::bytes
