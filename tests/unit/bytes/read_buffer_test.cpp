// SPDX-License-Identifier: Apache-2.0
#include "bytes/read_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::bytes {
namespace {

std::string_view text(Piece piece) {
    return {reinterpret_cast<const char*>(piece.slab->data() + piece.offset), piece.length};
}

class ReadBufferTest : public ::testing::Test {
protected:
    // Receives `bytes` for the session that holds `torn`.
    Piece receive(FrameRef& torn, std::string_view bytes, std::size_t frame_bytes = 0) {
        const auto room = buffer.prepare(torn, frame_bytes);
        EXPECT_GE(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), bytes.size());
        return buffer.commit(bytes.size());
    }
    static Piece tail(Piece piece, std::uint32_t taken) {
        return {piece.slab, piece.offset + taken, piece.length - taken};
    }

    MemoryBudget budget{1 << 30};
    SlabPool pool{budget, 8};
    ReadBuffer buffer{pool};
};

TEST_F(ReadBufferTest, GivesWhatWasReceived) {
    FrameRef torn;
    EXPECT_EQ(text(receive(torn, "hello")), "hello");
}

TEST_F(ReadBufferTest, ContinuesATornTailWhereItIs) {
    FrameRef torn;
    const Piece first = receive(torn, "whole-torn");
    buffer.keep(torn, tail(first, 6));
    const Piece second = receive(torn, "-rest", 9);
    EXPECT_EQ(text(second), "torn-rest");
    EXPECT_EQ(second.slab, first.slab);
    EXPECT_EQ(second.offset, first.offset + 6);
}

TEST_F(ReadBufferTest, MovesATornTailPastAnothersBytes) {
    FrameRef torn;
    buffer.keep(torn, receive(torn, "torn"));
    FrameRef other;
    const Piece others = receive(other, "somebody else");
    const FrameRef held = FrameRef::share(others);
    EXPECT_EQ(text(receive(torn, "-rest")), "torn-rest");
    EXPECT_EQ(text(others), "somebody else");
}

TEST_F(ReadBufferTest, BeginsAgainInASlabThatNobodyHas) {
    FrameRef torn;
    const Piece first = receive(torn, "first");
    const Piece second = receive(torn, "second");
    EXPECT_EQ(second.slab, first.slab);
    EXPECT_EQ(second.offset, first.offset);
}

TEST_F(ReadBufferTest, NeverWritesAgainWhereItWasLent) {
    FrameRef torn;
    const Piece first = receive(torn, "first");
    ASSERT_TRUE(first.slab->lendable);
    first.slab->lent = true;
    const Piece second = receive(torn, "second");
    EXPECT_TRUE(second.slab != first.slab || second.offset >= first.end());
    EXPECT_EQ(text(first), "first");
}

TEST_F(ReadBufferTest, GivesALargeFrameASlabOfItsSize) {
    FrameRef torn;
    const std::size_t frame_bytes = 1'048'581;
    std::string frame(frame_bytes, 'x');
    std::size_t sent = 1000;
    Piece piece = receive(torn, std::string_view(frame).substr(0, sent));
    buffer.keep(torn, piece);
    while (sent < frame_bytes) {
        const auto room = buffer.prepare(torn, frame_bytes);
        ASSERT_FALSE(room.empty());
        const std::size_t count = std::min(room.size(), frame_bytes - sent);
        std::memcpy(room.data(), frame.data() + sent, count);
        sent += count;
        piece = buffer.commit(count);
        buffer.keep(torn, piece);
    }
    EXPECT_EQ(text(piece), frame);
    EXPECT_GE(piece.slab->capacity, frame_bytes);
    EXPECT_EQ(piece.slab->references.load(), 1U);
    buffer.keep(torn, tail(piece, piece.length));
    EXPECT_TRUE(torn.empty());
}

TEST_F(ReadBufferTest, BeginsAgainAtTheFrontWhenNobodyHoldsTheSlab) {
    FrameRef torn;
    const Piece first = receive(torn, "one");
    const Piece second = receive(torn, "two");
    EXPECT_EQ(first.slab, second.slab);
    EXPECT_EQ(second.offset, 0U);
}

TEST_F(ReadBufferTest, AlwaysLeavesRoomForAGoodRead) {
    FrameRef torn;
    std::vector<FrameRef> held;
    for (int i = 0; i < 100; ++i) {
        EXPECT_GE(buffer.prepare(torn, 0).size(), good_read_bytes_max);
        held.push_back(FrameRef::share(receive(torn, std::string(10'000, 'x'))));
    }
}

TEST_F(ReadBufferTest, LeavesLittleOfASlabUnusedWhenReadsBringLittle) {
    FrameRef torn;
    std::vector<FrameRef> held;
    std::set<const Slab*> slabs;
    for (int i = 0; i < 1'000; ++i) {
        held.push_back(FrameRef::share(receive(torn, std::string(1'000, 'x'))));
        slabs.insert(held.back().piece().slab);
    }
    EXPECT_LE(slabs.size() * slab_bytes, 1'000 * 1'000 * 105 / 100);
    // As soon as one brings much, the next gets room for as much, in another slab if need be.
    const std::string much(good_read_bytes_min, 'x');
    while (buffer.prepare(torn, 0).size() >= 2 * good_read_bytes_min)
        held.push_back(FrameRef::share(receive(torn, "x")));
    ASSERT_GE(buffer.prepare(torn, 0).size(), much.size());
    held.push_back(FrameRef::share(receive(torn, much)));
    EXPECT_GE(buffer.prepare(torn, 0).size(), 2 * good_read_bytes_min);
    EXPECT_NE(receive(torn, "x").slab, held.back().piece().slab);
}

TEST_F(ReadBufferTest, MovesATornFrameOnceToWhereAllOfItFits) {
    FrameRef torn;
    const FrameRef other = FrameRef::share(receive(torn, std::string(50'000, 'x')));
    constexpr std::size_t frame_bytes = 40'000;
    Piece begun = receive(torn, std::string(10, 'f'));
    buffer.keep(torn, begun);
    std::set<const std::byte*> places;
    for (std::size_t come = 10; come < frame_bytes; come += 1'000) {
        begun = receive(torn, std::string(1'000, 'f'), frame_bytes);
        buffer.keep(torn, begun);
        places.insert(begun.slab->data() + begun.offset);
    }
    EXPECT_EQ(places.size(), 1U);
}

TEST_F(ReadBufferTest, CompactsATailThatPinsASharedSlab) {
    FrameRef torn;
    buffer.keep(torn, receive(torn, "torn"));
    const Slab* shared = torn.piece().slab;
    buffer.compact(torn);
    EXPECT_NE(torn.piece().slab, shared);
    EXPECT_LE(torn.piece().slab->capacity, small_slab_bytes);
    EXPECT_EQ(text(torn.piece()), "torn");
    EXPECT_EQ(text(receive(torn, "-rest", 9)), "torn-rest");
}

}  // namespace
}  // namespace hpfeeds::bytes
