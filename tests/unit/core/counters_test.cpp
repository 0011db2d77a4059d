// SPDX-License-Identifier: Apache-2.0
#include "core/counters.hpp"

#include "core/limits.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <string>

namespace hpfeeds::core {
namespace {

TEST(ChannelCounters, CountsAPayloadInTheBucketThatItsSizeFits) {
    // le = 1024, 2048, … 4194304, +Inf (PROTOCOL.md, "Metrics")
    const struct {
        std::size_t bytes;
        std::size_t bucket;
    } cases[] = {{0, 0},        {1, 0},        {1024, 0},     {1025, 1},
                 {2048, 1},     {2049, 2},     {1 << 20, 10}, {(1 << 20) + 1, 11},
                 {4194304, 12}, {4194305, 13}, {1U << 31, 13}};
    for (const auto& each : cases) {
        ChannelCounters counters;
        counters.count_payload(each.bytes);
        for (std::size_t i = 0; i < ChannelCounters::bucket_count; ++i)
            EXPECT_EQ(counters.buckets[i].value(), i == each.bucket ? 1U : 0U)
                << each.bytes << " " << i;
    }
}

TEST(CounterBook, GivesTheSameEntryForTheSameNames) {
    CounterBook book;
    EXPECT_EQ(&book.ident("a", "owner"), &book.ident("a", "owner"));
    EXPECT_NE(&book.ident("a", "owner"), &book.ident("a", "other owner"));
    EXPECT_EQ(&book.channel("a", "b"), &book.channel("a", "b"));
    EXPECT_NE(&book.channel("a", "bc"), &book.channel("ab", "c"));
}

TEST(CounterBook, BoundsWhatStrangersCanCreate) {
    CounterBook book;
    for (std::size_t i = 0; i < counted_strangers_max + 500; ++i)
        book.stranger("stranger-" + std::to_string(i)).errors[0].increment();
    std::size_t entries = 0;
    std::uint64_t counted = 0;
    for (const IdentCounters* entry = book.first_ident(); entry; entry = entry->next) {
        ++entries;
        counted += entry->errors[0].value();
    }
    EXPECT_EQ(entries, counted_strangers_max + 1);
    EXPECT_EQ(counted, counted_strangers_max + 500) << "nothing goes uncounted";
}

// What the C library has given out.
std::size_t allocated_bytes() {
    const struct mallinfo2 memory = ::mallinfo2();
    return memory.uordblks + memory.hblkhd;
}

TEST(CounterBook, AFloodOfAMillionIdentsIsCountedInBoundedMemory) {
    constexpr std::size_t flood = 1'000'000;
    CounterBook book;
    const std::string tail(240, 'x');  // idents as long as the wire allows
    const auto name = [&](std::size_t i) { return std::to_string(i) + tail; };
    for (std::size_t i = 0; i < counted_strangers_max; ++i)
        book.stranger(name(i)).errors[1].increment();
    const std::size_t before = allocated_bytes();
    for (std::size_t i = counted_strangers_max; i < flood; ++i)
        book.stranger(name(i)).errors[1].increment();
    EXPECT_LT(allocated_bytes(), before + 64 * 1024) << "only `other` came";
    std::size_t entries = 0;
    for (const IdentCounters* entry = book.first_ident(); entry; entry = entry->next)
        ++entries;
    EXPECT_EQ(entries, counted_strangers_max + 1);
    EXPECT_EQ(book.stranger(name(flood)).ident, other_label);
    EXPECT_EQ(book.stranger(name(flood)).errors[1].value(), flood - counted_strangers_max);
    EXPECT_EQ(book.stranger(name(7)).errors[1].value(), 1U) << "the first keep their names";
    EXPECT_EQ(book.ident("sensor", "lab").ident, "sensor") << "who logs in has a place";
}

// As many names for all shards together as for one, and each name in all of them.
TEST(CounterBook, SharesItsBoundsWithThoseOfOtherShards) {
    CountedNames names;
    CounterBook first(&names);
    CounterBook second(&names);
    for (std::size_t i = 0; i < counted_strangers_max; ++i)
        (void)(i % 2 == 0 ? first : second).stranger(std::to_string(i));
    for (std::size_t i = 0; i < counted_strangers_max; ++i) {
        ASSERT_EQ(first.stranger(std::to_string(i)).ident, std::to_string(i));
        ASSERT_EQ(second.stranger(std::to_string(i)).ident, std::to_string(i));
    }
    EXPECT_EQ(first.stranger("late").ident, other_label);
    EXPECT_EQ(second.stranger("late").ident, other_label);
    EXPECT_EQ(second.ident("late", "owner").ident, "late") << "who logs in has a place";

    for (std::size_t i = 0; i < counted_unlisted_channels_max; ++i)
        (void)(i % 2 == 0 ? first : second).channel("late", std::to_string(i), false);
    EXPECT_EQ(first.channel("late", "unlisted", false).channel, other_label);
    for (std::size_t i = counted_unlisted_channels_max; i < counted_channels_max; ++i)
        (void)(i % 2 == 0 ? first : second).channel("late", std::to_string(i));
    EXPECT_EQ(first.channel("late", "one more").channel, other_label);
    EXPECT_EQ(second.channel("late", "one more").channel, other_label);
    EXPECT_EQ(second.channel("late", "6000").channel, "6000");

    for (std::size_t i = names.idents.size(); i < counted_idents_max; ++i)
        (void)(i % 2 == 0 ? first : second).ident("ident " + std::to_string(i), "owner");
    EXPECT_EQ(first.ident("latest", "owner").ident, other_label);
    EXPECT_EQ(second.ident("latest", "owner").ident, other_label);
}

TEST(CounterBook, BoundsChannels) {
    CounterBook book;
    for (std::size_t i = 0; i < counted_channels_max + 10; ++i)
        (void)book.channel("ident", std::to_string(i));
    EXPECT_EQ(&book.channel("ident", "one more"), &book.channel("somebody", "else"));
    EXPECT_EQ(book.channel("ident", "one more").channel, other_label);
}

TEST(CounterBook, NamesThatOnlyAPatternAllowsUseUpTheirOwnPlacesAlone) {
    CounterBook book;
    for (std::size_t i = 0; i < counted_unlisted_channels_max; ++i)
        EXPECT_EQ(book.channel("ident", std::to_string(i), false).channel, std::to_string(i));
    EXPECT_EQ(book.channel("ident", "one more", false).channel, other_label);
    EXPECT_EQ(book.channel("ident", "0", false).channel, "0");
    EXPECT_EQ(book.channel("ident", "listed", true).channel, "listed");
    EXPECT_EQ(book.channel("ident", "one more", true).channel, "one more");
}

}  // namespace
}  // namespace hpfeeds::core
