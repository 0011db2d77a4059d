// SPDX-License-Identifier: Apache-2.0
#include "bytes/send_queue.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::bytes {
namespace {

std::string frame(std::string_view body) {
    std::string out(4, '\0');
    const auto length = static_cast<std::uint32_t>(body.size() + 5);
    for (int i = 0; i < 4; ++i)
        out[static_cast<std::size_t>(i)] = static_cast<char>(length >> (24 - 8 * i));
    out.push_back('\3');
    return out.append(body);
}

class SendQueueTest : public ::testing::Test {
protected:
    // A run on a slab that the test keeps one reference to.
    Piece run(std::string_view bytes) {
        if (!slab || slab->room() < bytes.size()) {
            if (slab) slab->release();
            slab = pool.take(slab_bytes / 2);
        }
        std::memcpy(slab->data() + slab->used, bytes.data(), bytes.size());
        const Piece piece{slab, slab->used, static_cast<std::uint32_t>(bytes.size())};
        slab->used += piece.length;
        return piece;
    }
    bool push(Piece piece) {
        piece.slab->add_references(1);
        const bool taken = queue.push(piece, frames_in(piece));
        if (!taken) piece.slab->release();
        return taken;
    }
    // By their lengths, all below 256.
    static std::uint32_t frames_in(Piece piece) {
        std::uint32_t count = 0;
        for (std::uint32_t at = piece.offset; at < piece.end(); ++count)
            at += std::to_integer<std::uint32_t>(piece.slab->data()[at + 3]);
        return count;
    }
    void push_copy(Piece piece) { queue.push_copy(piece, frames_in(piece), pool); }
    std::string peek() const {
        std::array<std::span<const std::byte>, 1024> pieces;
        std::string out;
        const std::size_t count = queue.gather(pieces);
        for (std::size_t i = 0; i < count; ++i)
            out.append(reinterpret_cast<const char*>(pieces[i].data()), pieces[i].size());
        return out;
    }
    ~SendQueueTest() override {
        queue.clear();
        if (slab) slab->release();
        EXPECT_EQ(budget.in_use_bytes(), 0U) << "a reference was lost";
    }

    MemoryBudget budget{1 << 30};
    SlabPool pool{budget};
    NodePool nodes;
    Slab* slab = nullptr;
    SendQueue queue{nodes};
};

TEST_F(SendQueueTest, HandsOutWhatWasPushedInOrder) {
    const std::string first = frame("one");
    const std::string second = frame("two");
    push(run(first));
    slab->release();
    slab = nullptr;  // the second run lies on another slab
    push(run(second));
    EXPECT_EQ(queue.pending_bytes(), first.size() + second.size());
    EXPECT_EQ(peek(), first + second);
}

// Long, in memory that can be lent, and wanted by many.
TEST_F(SendQueueTest, LendsWhatManyReadersWaitFor) {
    SlabPool lending{budget, 1};
    Slab* shared = lending.take_to_receive();
    shared->used = lent_piece_bytes_min;
    EXPECT_EQ(queue.worth_lending(), nullptr) << "nothing is queued";
    EXPECT_TRUE(queue.push({shared, 0, lent_piece_bytes_min}, 1));
    EXPECT_EQ(queue.worth_lending(), nullptr) << "for a single reader";
    shared->add_references(lent_references_min - 1);
    ASSERT_NE(queue.worth_lending(), nullptr);
    EXPECT_EQ(queue.worth_lending()->slab, shared);
    shared->release(lent_references_min - 1);
    EXPECT_EQ(queue.worth_lending(), nullptr);
    shared->lent = true;
    EXPECT_NE(queue.worth_lending(), nullptr) << "it costs nothing more";
    queue.consume(1);
    EXPECT_EQ(queue.worth_lending(), nullptr) << "too short to be worth it";
    queue.clear();
}

TEST_F(SendQueueTest, DoesNotLendOrdinaryMemory) {
    const Piece piece = run(std::string(lent_piece_bytes_min, 'x'));
    EXPECT_TRUE(queue.push(piece, 1));
    slab->add_references(lent_references_min);
    EXPECT_EQ(queue.worth_lending(), nullptr);
    slab->release(lent_references_min - 1);
}

TEST_F(SendQueueTest, MergesNeighboursIntoOnePiece) {
    EXPECT_TRUE(push(run(frame("one"))));
    EXPECT_FALSE(push(run(frame("two"))));
    std::array<std::span<const std::byte>, 4> pieces;
    EXPECT_EQ(queue.gather(pieces), 1U);
}

TEST_F(SendQueueTest, ConsumesByTheByte) {
    const std::string all = frame("one") + frame("two");
    push(run(frame("one")));
    push(run(frame("two")));
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(peek(), all.substr(i));
        queue.consume(1);
    }
    EXPECT_TRUE(queue.empty());
}

TEST_F(SendQueueTest, DropsWholeFramesFromTheFront) {
    push(run(frame("one") + frame("two") + frame("three")));
    const auto dropped = queue.drop_oldest(1);
    EXPECT_EQ(dropped.frames, 1U);
    EXPECT_EQ(dropped.bytes, frame("one").size());
    EXPECT_EQ(peek(), frame("two") + frame("three"));
}

TEST_F(SendQueueTest, NeverDropsAFrameThatIsPartlySent) {
    push(run(frame("one") + frame("two") + frame("three")));
    queue.consume(3);
    const auto dropped = queue.drop_oldest(1);
    EXPECT_EQ(dropped.frames, 1U);
    EXPECT_EQ(peek(), frame("one").substr(3) + frame("three"));
    EXPECT_EQ(queue.pending_bytes(), peek().size());
    EXPECT_EQ(queue.drop_unsent().frames, 1U);
    EXPECT_EQ(peek(), frame("one").substr(3));
    EXPECT_EQ(queue.drop_unsent().frames, 0U);
}

TEST_F(SendQueueTest, DropsNothingOfAnEmptyQueue) {
    EXPECT_EQ(queue.drop_oldest(100).frames, 0U);
    EXPECT_TRUE(queue.empty());
}

TEST_F(SendQueueTest, CopiesLetGoOfTheSlab) {
    const Piece piece = run(frame("small"));
    push_copy(piece);
    push_copy(piece);
    EXPECT_EQ(piece.slab->references.load(), 1U);
    EXPECT_EQ(peek(), frame("small") + frame("small"));
    std::array<std::span<const std::byte>, 4> pieces;
    EXPECT_EQ(queue.gather(pieces), 1U) << "copies lie side by side";
}

TEST_F(SendQueueTest, TellsWhatIsLeftInIt) {
    EXPECT_EQ(queue.content().frames, 0U);
    push(run(frame("one") + frame("two") + frame("three")));
    push(run(frame("four")));
    EXPECT_EQ(queue.content().frames, 4U);
    queue.consume(frame("one").size() + 3);
    EXPECT_EQ(queue.content().frames, 3U) << "one of them is partly sent";
    EXPECT_EQ(queue.content().bytes, queue.pending_bytes());
    queue.consume(frame("two").size() - 3);
    EXPECT_EQ(queue.content().frames, 2U);
    EXPECT_EQ(queue.drop_oldest(1).frames, 1U);
    EXPECT_EQ(queue.content().frames, 1U);
}

TEST_F(SendQueueTest, CopiesGoOnBehindReferences) {
    const Piece little = run(frame("little"));
    push_copy(little);
    const std::size_t one_copy = budget.in_use_bytes();
    for (int i = 0; i < 100; ++i) {
        push(run(frame("by reference") + frame("and more")));
        push_copy(little);
    }
    // Those by reference lie on slabs of the test's.
    EXPECT_EQ(budget.in_use_bytes(), one_copy);
    EXPECT_EQ(queue.content().frames, 1U + 100 * 3);
}

TEST_F(SendQueueTest, CutsACopyBetweenTwoFramesToFillItsMemory) {
    push_copy(run(frame(std::string(100, 'a'))));
    std::string all = frame(std::string(100, 'a'));
    const std::string many = frame("one") + frame("two") + frame("three") + frame("four");
    while (all.size() < 10 * small_slab_bytes) {
        push_copy(run(many));
        all += many;
        ASSERT_EQ(queue.content().frames, 1 + 4 * (all.size() - 105) / many.size());
    }
    EXPECT_EQ(peek(), all);
    EXPECT_LE(budget.in_use_bytes(), all.size() + 2 * slab_bytes) << "with the test's own slab";
    queue.consume(all.size() - many.size());
    EXPECT_EQ(queue.content().frames, 4U);
}

// Random operations, compared with a plain list of frames. The seed is in the failure message.
TEST_F(SendQueueTest, AgreesWithAPlainList) {
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        const bool deep = seed % 2 == 1;  // more comes than goes
        std::deque<std::string> frames;   // the first may be partly sent
        std::size_t sent = 0;             // bytes of it
        const auto pending = [&] {
            std::string all;
            for (const std::string& each : frames)
                all += each;
            return all.substr(sent);
        };
        for (int step = 0; step < 200; ++step) {
            switch (random() % 6) {
                case 0:
                case 1: {
                    std::string bytes;
                    for (unsigned i = random() % 4 + 1; i > 0; --i) {
                        frames.push_back(frame(std::string(random() % (deep ? 200 : 50) + 1,
                                                           static_cast<char>('a' + i))));
                        bytes += frames.back();
                    }
                    const Piece piece = run(bytes);
                    if (random() % 3 == 0)
                        push_copy(piece);
                    else
                        push(piece);
                    break;
                }
                case 2:
                case 3: {
                    std::size_t count =
                        std::min<std::size_t>(random() % (deep ? 100 : 200), queue.pending_bytes());
                    queue.consume(count);
                    for (sent += count; !frames.empty() && sent >= frames.front().size();) {
                        sent -= frames.front().size();
                        frames.pop_front();
                    }
                    break;
                }
                case 4: {
                    const std::size_t bytes = random() % 300;
                    const auto dropped = queue.drop_oldest(bytes);
                    std::size_t gone = 0;
                    std::size_t count = 0;
                    const std::size_t at = sent ? 1 : 0;
                    while (gone < bytes && frames.size() > at) {
                        gone += frames[at].size();
                        frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(at));
                        ++count;
                    }
                    ASSERT_EQ(dropped.bytes, gone);
                    ASSERT_EQ(dropped.frames, count);
                    break;
                }
                default:
                    break;
            }
            ASSERT_EQ(queue.pending_bytes(), pending().size());
            ASSERT_EQ(peek(), pending());
            ASSERT_EQ(queue.content().frames, frames.size());
            ASSERT_EQ(queue.content().bytes, pending().size());
        }
        queue.clear();
        ASSERT_TRUE(queue.empty());
    }
}

TEST(NodePool, KeepsWhatIsNeededAndFreesWhatIsNot) {
    NodePool pool;
    std::vector<QueueNode*> nodes;
    for (int i = 0; i < 100; ++i)
        nodes.push_back(pool.take());
    for (QueueNode* node : nodes)
        pool.give_back(node);
    static_cast<void>(pool.trim());  // all were needed until now
    for (int i = 0; i < 60; ++i)
        nodes[static_cast<std::size_t>(i)] = pool.take();
    for (int i = 0; i < 60; ++i)
        pool.give_back(nodes[static_cast<std::size_t>(i)]);
    int calls = 0;
    while (pool.trim())
        ++calls;
    EXPECT_GT(calls, 3) << "by halves";
    EXPECT_LT(calls, 20);
    pool.give_back(pool.take());
    EXPECT_TRUE(pool.trim());
}

}  // namespace
}  // namespace hpfeeds::bytes
