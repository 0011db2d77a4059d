// SPDX-License-Identifier: Apache-2.0
#include "bench_subscriber.hpp"

#include "bench_stamp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace hpfeeds::cli::bench {
namespace {

BenchOptions asked() {
    BenchOptions options;
    options.client.destination.host = "127.0.0.1";
    options.client.channels = {"test"};
    options.publishers = 2;
    options.sizes = {100, 5000};
    return options;
}

class BenchSubscriber : public ::testing::Test {
protected:
    BenchSubscriber() {
        for (int i = 0; i < 2; ++i)
            notes.latencies.push_back(std::make_unique<Histogram>());
        ears.listen();
        board.window_begin_ns = 0;
    }
    [[nodiscard]] std::string frame(unsigned publisher, std::uint64_t sequence,
                                    std::uint64_t due = 1000) const {
        const Kind& kind = plan.kinds[plan.kind_of(publisher)];
        std::string made = kind.heads[0];
        const std::size_t at = made.size();
        made.append(kind.payload_bytes, 'x');
        Stamp{plan.run, publisher, sequence, due}.write(made.data() + at);
        return made;
    }
    // In pieces of so many bytes; what is left over is heard before the next piece.
    bool hear(std::string_view bytes, std::size_t piece = std::string_view::npos) {
        while (!bytes.empty()) {
            std::string unread;
            unread.swap(rest);
            unread += bytes.substr(0, piece);
            bytes.remove_prefix(std::min(piece, bytes.size()));
            if (!ears.hear(unread, 3000, notes, replies, rest)) return false;
        }
        return true;
    }

    Plan plan{asked(), std::make_unique<HpfeedsDialect>("me", "secret")};
    Board board{2};
    Notes notes;
    Subscriber ears{plan, board};
    std::string replies;
    std::string rest;
};

TEST_F(BenchSubscriber, CountsAndTimesWhatItHears) {
    EXPECT_TRUE(hear(frame(0, 1) + frame(1, 1) + frame(0, 2)));
    EXPECT_EQ(notes.tallies.delivered.value(), 3U);
    EXPECT_EQ(notes.tallies.delivered_bytes.value(), 2 * frame(0, 1).size() + frame(1, 1).size());
    EXPECT_EQ(notes.latencies[0]->count(), 2U);
    EXPECT_EQ(notes.latencies[1]->max(), 2000U);
    EXPECT_EQ(ears.lost(std::array<std::uint64_t, 2>{2, 1}), 0U);
}

TEST_F(BenchSubscriber, PiecesTogetherWhatComesTorn) {
    std::string all;
    for (std::uint64_t number = 1; number <= 20; ++number)
        all += frame(0, number) + frame(1, number);
    for (const std::size_t piece : {1UL, 7UL, 100UL, 1000UL, 6000UL}) {
        Subscriber other(plan, board);
        other.listen();
        Notes heard;
        for (int i = 0; i < 2; ++i)
            heard.latencies.push_back(std::make_unique<Histogram>());
        std::string left;
        for (std::size_t at = 0; at < all.size(); at += piece) {
            std::string unread;
            unread.swap(left);
            unread += all.substr(at, piece);
            ASSERT_TRUE(other.hear(unread, 3000, heard, replies, left));
        }
        EXPECT_EQ(heard.tallies.delivered.value(), 40U) << piece;
        EXPECT_EQ(other.lost(std::array<std::uint64_t, 2>{20, 20}), 0U) << piece;
    }
}

TEST_F(BenchSubscriber, CountsLossDoublesAndDisorderPerPublisher) {
    EXPECT_TRUE(hear(frame(0, 1) + frame(0, 4) + frame(0, 4) + frame(0, 2) + frame(1, 2)));
    EXPECT_EQ(notes.tallies.duplicated.value(), 1U);
    EXPECT_EQ(notes.tallies.reordered.value(), 1U);
    EXPECT_EQ(ears.lost(std::array<std::uint64_t, 2>{4, 2}), 2U);  // 3 of one, 1 of the other
}

TEST_F(BenchSubscriber, CountsWhatIsNotAsItWasSent) {
    std::string unknown_publisher = frame(0, 1);
    Stamp{plan.run, 7, 1, 1}.write(unknown_publisher.data() + plan.kinds[0].heads[0].size());
    std::string wrong_length = frame(0, 1);
    Stamp{plan.run, 1, 1, 1}.write(wrong_length.data() + plan.kinds[0].heads[0].size());
    EXPECT_TRUE(hear(unknown_publisher + wrong_length));
    EXPECT_EQ(notes.tallies.corrupt.value(), 2U);
    EXPECT_EQ(notes.tallies.delivered.value(), 0U);
}

TEST_F(BenchSubscriber, PassesOverTheMessagesOfOthers) {
    std::string other = frame(0, 1);
    Stamp{plan.run + 1, 0, 1, 1}.write(other.data() + plan.kinds[0].heads[0].size());
    EXPECT_TRUE(hear(other));
    EXPECT_EQ(notes.tallies.delivered.value(), 0U);
    EXPECT_EQ(notes.tallies.corrupt.value(), 0U);
}

TEST_F(BenchSubscriber, SeesAProbeOnce) {
    EXPECT_TRUE(hear(frame(1, 0) + frame(1, 0)));
    EXPECT_EQ(board.probes_seen[1].load(), 1U);
    EXPECT_EQ(board.probes_seen[0].load(), 0U);
    EXPECT_EQ(notes.tallies.delivered.value(), 0U);
}

TEST_F(BenchSubscriber, TimesOnlyWhatWasDueInTheWindow) {
    board.window_begin_ns = 1000;
    board.window_end_ns = 2000;
    EXPECT_TRUE(hear(frame(0, 1, 999) + frame(0, 2, 1000) + frame(0, 3, 1999) + frame(0, 4, 2000)));
    EXPECT_EQ(notes.latencies[0]->count(), 2U);
    EXPECT_EQ(notes.tallies.delivered.value(), 4U);
}

TEST_F(BenchSubscriber, KeepsWhatTheBrokerRefuses) {
    EXPECT_TRUE(hear(std::string("\0\0\0\x0b\0denied", 11), 4));
    EXPECT_EQ(ears.refusal(), "denied");
}

TEST_F(BenchSubscriber, EndsAtNonsense) {
    EXPECT_FALSE(hear(frame(0, 1) + std::string("\0\0\0\x0b\x09nonsense", 13)));
    EXPECT_EQ(notes.tallies.delivered.value(), 1U);
}

}  // namespace
}  // namespace hpfeeds::cli::bench
