// SPDX-License-Identifier: Apache-2.0
// What many readers wait for is not copied for each: their sockets take the pages it lies in
// (docs/decisions/0024). Whoever reads late reads what was published, and not what has been
// received in the same place since.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace hpfeeds::support {
namespace {

constexpr int readers = 80;  // of which each of two shards has enough
constexpr int late_readers = 4;
constexpr int events_in_block = 16;
constexpr int blocks = 100;

std::string event(int number) {
    return std::to_string(number) + ":" + std::string(4'000, static_cast<char>('a' + number % 26));
}

class LentPages : public ::testing::TestWithParam<const char*> {
protected:
    void subscribe(std::deque<WireClient>& clients, int count) {
        for (int i = 0; i < count; ++i) {
            clients.emplace_back(broker.address(), logger);
            clients.back().subscribe("events");
            clients.back().settle();
        }
    }
    static void expect_events(WireClient& client, int first, int count) {
        for (int number = first; number < first + count; ++number) {
            const Message got = client.expect_message();
            ASSERT_EQ(got.payload, event(number));
        }
    }

    // Published in one go, and heard by those who read promptly.
    static void exchange(WireClient& publisher, std::deque<WireClient>& prompt, int block) {
        std::string frames;
        for (int i = 0; i < events_in_block; ++i)
            frames += publish_frame("sensor", "events", event(block * events_in_block + i));
        publisher.send(frames);
        for (WireClient& client : prompt)
            ASSERT_NO_FATAL_FAILURE(
                expect_events(client, block * events_in_block, events_in_block));
    }

    BrokerProcess broker{{.arguments = {"--threads", GetParam(), "--exporter", "127.0.0.1:0"}}};
};

TEST_P(LentPages, EveryReaderHasItsOwnBytesHoweverLateItReads) {
    std::deque<WireClient> prompt;
    std::deque<WireClient> late;
    subscribe(prompt, readers);
    subscribe(late, late_readers);
    WireClient publisher(broker.address(), sensor);
    // The prompt ones give each slab back soon, and it is received in again.
    for (int block = 0; block < blocks; ++block)
        ASSERT_NO_FATAL_FAILURE(exchange(publisher, prompt, block));
    for (WireClient& client : late)
        ASSERT_NO_FATAL_FAILURE(expect_events(client, 0, blocks * events_in_block));
    const MetricsPage metrics(broker);
    const double delivered =
        metrics.wait_for("hpfeeds_broker_delivered_bytes", [](double bytes) { return bytes > 0; });
    EXPECT_GT(metrics.value("hpfeeds_broker_lent_bytes"), delivered / 4)
        << "this tested nothing: most was copied";
}

TEST_P(LentPages, AReaderThatLeavesTakesNobodyElsesBytes) {
    std::deque<WireClient> prompt;
    std::deque<WireClient> leaving;
    subscribe(prompt, readers);
    subscribe(leaving, late_readers);
    WireClient publisher(broker.address(), sensor);
    for (int block = 0; block < blocks / 4; ++block) {
        if (!leaving.empty() && block % 5 == 2) {
            leaving.front().reset();
            leaving.pop_front();
        }
        ASSERT_NO_FATAL_FAILURE(exchange(publisher, prompt, block));
    }
    EXPECT_TRUE(broker.running());
    EXPECT_EQ(broker.stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, LentPages, ::testing::Values("1", "2"));

}  // namespace
}  // namespace hpfeeds::support
