// SPDX-License-Identifier: Apache-2.0
#include "bench_publisher.hpp"

#include "bench_stamp.hpp"
#include "wire/parser.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::cli::bench {
namespace {

struct Sent {
    std::string channel;
    Stamp stamp;
    std::size_t payload_bytes = 0;
};

std::vector<Sent> frames_of(std::string_view bytes) {
    std::vector<Sent> frames;
    while (!bytes.empty()) {
        const auto parsed = wire::parse(wire::as_bytes(bytes), wire::Peer::broker);
        EXPECT_EQ(parsed.outcome, wire::Parsed::Outcome::frame);
        if (parsed.outcome != wire::Parsed::Outcome::frame) break;
        frames.push_back({std::string(parsed.frame.channel),
                          Stamp::read(wire::as_text(parsed.frame.payload).data()),
                          parsed.frame.payload.size()});
        bytes.remove_prefix(parsed.frame.frame_bytes);
    }
    return frames;
}

class BenchPublisher : public ::testing::Test {
protected:
    BenchPublisher() {
        options.client.destination.host = "127.0.0.1";
        options.client.ident = "me";
        options.client.channels = {"test"};
    }
    Publisher& publisher(unsigned number = 0) {
        plan = std::make_unique<Plan>(options, std::make_unique<HpfeedsDialect>("me", "secret"));
        made = std::make_unique<Publisher>(*plan, number);
        return *made;
    }
    BenchOptions options;
    std::unique_ptr<Plan> plan;
    std::unique_ptr<Publisher> made;
};

TEST_F(BenchPublisher, NumbersItsMessagesThroughAllBatches) {
    options.sizes = {1000};
    Publisher& it = publisher();
    it.start(0);
    std::uint64_t expected = 0;
    for (int batch = 0; batch < 3; ++batch) {
        const std::string_view pending = it.pending(77);
        EXPECT_LE(pending.size(), Publisher::batch_bytes);
        EXPECT_GT(pending.size(), Publisher::batch_bytes / 2);
        for (const Sent& sent : frames_of(pending)) {
            EXPECT_EQ(sent.stamp.sequence, ++expected);
            EXPECT_EQ(sent.stamp.due_ns, 77U);
            EXPECT_EQ(sent.stamp.run, plan->run);
            EXPECT_EQ(sent.payload_bytes, 1000U);
        }
        EXPECT_GT(it.sent(pending.size()), 0U);
    }
    EXPECT_EQ(it.sequence(), expected);
}

// Names of different lengths move the frames of a batch about, so that few lie where they did.
TEST_F(BenchPublisher, UsesItsChannelsInTurn) {
    options.client.channels = {"a", "a longer one", "", "the longest of all the channels here",
                               "mid"};
    options.sizes = {24};
    options.rates = {1e9};
    Publisher& it = publisher();
    it.start(0);
    std::uint64_t expected = 0;
    // Batches of all sizes, as they fall due.
    for (std::uint64_t now = 1; now < 4000; now += now % 97 + 1) {
        const std::string_view pending = it.pending(now);
        for (const Sent& sent : frames_of(pending)) {
            EXPECT_EQ(sent.channel, options.client.channels[expected % 5]);
            EXPECT_EQ(sent.stamp.sequence, ++expected);
            EXPECT_EQ(sent.payload_bytes, 24U);
        }
        static_cast<void>(it.sent(pending.size()));
    }
    EXPECT_GT(expected, 3900U);
}

TEST_F(BenchPublisher, StampsTheTimeAtWhichAMessageWasDue) {
    options.rates = {1000};
    Publisher& it = publisher();
    it.start(5'000'000);
    EXPECT_TRUE(it.pending(4'999'999).empty());
    EXPECT_EQ(it.due_ns(), 5'000'000U);
    // Nobody looked for 3.5 ms: four messages are due, and say since when.
    const auto late = frames_of(it.pending(8'500'000));
    ASSERT_EQ(late.size(), 4U);
    for (std::uint64_t i = 0; i < 4; ++i)
        EXPECT_EQ(late[i].stamp.due_ns, 5'000'000 + i * 1'000'000);
    EXPECT_EQ(it.due_ns(), 9'000'000U);
}

TEST_F(BenchPublisher, PublishersOfOneRateTakeTurns) {
    options.rates = {1000};
    options.publishers = 4;
    Publisher& it = publisher(3);
    it.start(0);
    EXPECT_EQ(it.due_ns(), 750'000U);
}

TEST_F(BenchPublisher, TakesTheSizeAndTheRateOfItsNumber) {
    options.sizes = {1000, 64};
    options.rates = {0, 500};
    options.publishers = 4;
    EXPECT_FALSE(publisher(2).paced());
    EXPECT_TRUE(publisher(3).paced());
    made->start(0);
    EXPECT_EQ(frames_of(made->pending(10'000'000)).at(0).payload_bytes, 64U);
}

TEST_F(BenchPublisher, EndsAfterItsCount) {
    options.count = 3;
    Publisher& it = publisher();
    it.start(0);
    const std::string_view pending = it.pending(1);
    EXPECT_EQ(frames_of(pending).size(), 3U);
    EXPECT_FALSE(it.ended());
    EXPECT_EQ(it.sent(pending.size()), 3U);
    EXPECT_TRUE(it.ended());
    EXPECT_TRUE(it.pending(2).empty());
}

TEST_F(BenchPublisher, StopsBehindTheFrameThatIsPartlySent) {
    Publisher& it = publisher();
    it.start(0);
    const std::string pending(it.pending(1));
    const std::size_t frame = plan->kinds[0].heads[0].size() + 100;
    EXPECT_EQ(it.sent(2 * frame + 10), 2U);
    it.stop();
    EXPECT_EQ(it.sequence(), 3U);
    EXPECT_EQ(it.pending(2).size(), frame - 10);
    EXPECT_EQ(it.sent(frame - 10), 1U);
    EXPECT_TRUE(it.ended());
    EXPECT_TRUE(it.pending(3).empty());
}

TEST_F(BenchPublisher, StopsAtOnceBetweenTwoFrames) {
    Publisher& it = publisher();
    it.start(0);
    const std::size_t frame = plan->kinds[0].heads[0].size() + 100;
    static_cast<void>(it.pending(1));
    static_cast<void>(it.sent(2 * frame));
    it.stop();
    EXPECT_EQ(it.sequence(), 2U);
    EXPECT_TRUE(it.ended());
}

TEST_F(BenchPublisher, StopsBeforeItBegan) {
    Publisher& it = publisher();
    it.stop();
    EXPECT_TRUE(it.ended());
    EXPECT_EQ(it.sequence(), 0U);
}

TEST_F(BenchPublisher, ProbesOnTheLastChannelWithoutANumber) {
    options.client.channels = {"first", "last"};
    const auto probes = frames_of(publisher().probe(9));
    ASSERT_EQ(probes.size(), 1U);
    EXPECT_EQ(probes[0].channel, "last");
    EXPECT_EQ(probes[0].stamp.sequence, 0U);
}

}  // namespace
}  // namespace hpfeeds::cli::bench
