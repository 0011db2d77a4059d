// SPDX-License-Identifier: Apache-2.0
// Readers that stall: nobody else is slowed, memory keeps its bounds, and what is lost is lost in
// whole frames and counted. PROTOCOL.md, "Session" 6; client-quirks 18, 20 and 21.
#include "support/broker_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr int small_buffer = 4096;

std::string numbered(int number) {
    return std::to_string(number) + ":" + std::string(50'000, 'p');
}

int number_of(const Message& message) {
    return std::stoi(message.payload);
}

struct Cast {
    WireClient stalled;
    WireClient healthy;
    WireClient publisher;

    explicit Cast(const BrokerProcess& broker)
        : stalled(broker.address(), logger, small_buffer),
          healthy(broker.address(), logger),
          publisher(broker.address(), sensor) {
        stalled.subscribe("events");
        healthy.subscribe("events");
        stalled.settle();
        healthy.settle();
    }

    // The healthy reader gets each message before the next is sent, so a stalled one that held up
    // either the publisher or the reader would be seen at once.
    void exchange(int count) {
        for (int number = 0; number < count; ++number) {
            publisher.publish("events", numbered(number));
            healthy.expect_message({"sensor", "events", numbered(number)});
        }
    }
};

// What a reader that stalled finds when it reads again: whole frames, in order, then perhaps the
// ERROR.
struct Backlog {
    std::vector<int> numbers;
    bool error = false;
};

Backlog read_backlog(WireClient& stalled) {
    const WireClient::Rest rest = stalled.read_to_end();
    EXPECT_EQ(rest.torn, "");
    Backlog backlog;
    for (const Received& received : rest.frames) {
        EXPECT_FALSE(backlog.error) << "a frame behind the ERROR";
        if (received.opcode == op_error) {
            EXPECT_EQ(received.body, "Backpressure deadline timer expired");
            backlog.error = true;
            continue;
        }
        const Message message = as_message(received);
        backlog.numbers.push_back(number_of(message));
        EXPECT_EQ(message.payload, numbered(backlog.numbers.back()));
    }
    return backlog;
}

TEST(SlowSubscribers, AreCutAtTheDeadlineWithAnErrorBehindTheirBacklog) {
    const BrokerProcess broker(
        {.arguments = {"--slow-high-mark", "1M", "--slow-deadline", "500ms"}});
    Cast cast(broker);
    cast.exchange(200);
    broker.wait_for_log({"slow subscriber cut"});
    const Backlog backlog = read_backlog(cast.stalled);
    EXPECT_TRUE(backlog.error);
    for (std::size_t index = 0; index < backlog.numbers.size(); ++index)
        EXPECT_EQ(backlog.numbers[index], static_cast<int>(index));
    cast.publisher.publish("events", "afterwards");
    cast.healthy.expect_message({"sensor", "events", "afterwards"});
}

// Nobody reads the ERROR here: the connection goes all the same.
TEST(SlowSubscribers, AreCutAlthoughTheyNeverReadAgain) {
    const BrokerProcess broker(
        {.arguments = {"--slow-high-mark", "1M", "--slow-deadline", "200ms"}});
    Cast cast(broker);
    const std::size_t before = open_sockets(broker.pid());
    cast.exchange(200);
    const Deadline deadline;
    while (open_sockets(broker.pid()) >= before && !deadline.passed())
        cast.healthy.settle();
    EXPECT_LT(open_sockets(broker.pid()), before);
}

TEST(SlowSubscribers, ThatRecoverInTimeLoseNothing) {
    const BrokerProcess broker({.arguments = {"--slow-high-mark", "1M", "--slow-deadline", "60s"}});
    Cast cast(broker);
    for (int round = 0; round < 3; ++round) {
        cast.exchange(200);
        for (int number = 0; number < 200; ++number)
            cast.stalled.expect_message({"sensor", "events", numbered(number)});
        broker.wait_for_log({"slow subscriber recovered"});
    }
}

TEST(SlowSubscribers, AreCutAtOnceAtTheHardCap) {
    const BrokerProcess broker(
        {.arguments = {"--slow-high-mark", "1M", "--max-queue", "2M", "--slow-deadline", "10m"}});
    Cast cast(broker);
    cast.exchange(400);  // 20 MB
    const LogLine line = broker.wait_for_log({"slow subscriber cut"});
    EXPECT_EQ(line.field("ident"), "logger");
    const Backlog backlog = read_backlog(cast.stalled);
    EXPECT_TRUE(backlog.error);
    EXPECT_LT(backlog.numbers.size(), 400U);
}

TEST(SlowSubscribers, WithDropNewestKeepTheOldestAndStayConnected) {
    const BrokerProcess broker({.arguments = {"--slow-policy", "drop-newest", "--slow-high-mark",
                                              "1M", "--max-queue", "2M"}});
    Cast cast(broker);
    cast.exchange(400);
    broker.wait_for_log({"frames dropped"});
    int next = 0;
    while (const auto received = cast.stalled.poll_frame(std::chrono::milliseconds(300)))
        EXPECT_EQ(number_of(as_message(*received)), next++);
    EXPECT_GT(next, 10);
    EXPECT_LT(next, 400);
    // It reads again, so it gets all again.
    for (int number = 1000; number < 1010; ++number) {
        cast.publisher.publish("events", numbered(number));
        cast.stalled.expect_message({"sensor", "events", numbered(number)});
    }
}

TEST(SlowSubscribers, WithDropOldestKeepTheNewestAndStayConnected) {
    const BrokerProcess broker({.arguments = {"--slow-policy", "drop-oldest", "--slow-high-mark",
                                              "1M", "--max-queue", "2M"}});
    Cast cast(broker);
    cast.exchange(400);
    broker.wait_for_log({"frames dropped"});
    std::vector<int> numbers;
    while (numbers.empty() || numbers.back() != 399) {
        const Message message = cast.stalled.expect_message();
        numbers.push_back(number_of(message));
        ASSERT_EQ(message.payload, numbered(numbers.back()));
    }
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    EXPECT_EQ(std::set<int>(numbers.begin(), numbers.end()).size(), numbers.size());
    EXPECT_LT(numbers.size(), 400U);
    cast.publisher.publish("events", "afterwards");
    cast.stalled.expect_message({"sensor", "events", "afterwards"});
}

class EachPolicy : public testing::TestWithParam<std::string> {};

// 30 readers that never read, 150 MB published: 4.5 GB owed to them, in a broker that may hold 48
// MB.
TEST_P(EachPolicy, KeepsMemoryWithinItsBoundAndTheHealthyUnharmed) {
    const BrokerProcess broker({.arguments = {"--slow-policy", GetParam(), "--slow-high-mark", "8M",
                                              "--max-queue", "16M", "--max-memory", "48M"}});
    const std::size_t before = resident_bytes(broker.pid());
    std::vector<WireClient> stalled;
    for (int count = 0; count < 30; ++count) {
        stalled.emplace_back(broker.address(), logger, small_buffer);
        stalled.back().subscribe("events");
        stalled.back().settle();
    }
    WireClient healthy(broker.address(), logger);
    healthy.subscribe("events");
    healthy.settle();
    WireClient publisher(broker.address(), sensor);
    std::size_t most = 0;
    for (int number = 0; number < 3000; ++number) {
        publisher.publish("events", numbered(number));
        healthy.expect_message({"sensor", "events", numbered(number)});
        if (number % 100 == 0) most = std::max(most, resident_bytes(broker.pid()));
    }
    EXPECT_LT(most, before + HPFEEDS_RESIDENT_SCALE * 96 * mebibyte);
}

INSTANTIATE_TEST_SUITE_P(SlowSubscribers, EachPolicy,
                         testing::Values("disconnect", "drop-newest", "drop-oldest"),
                         [](const auto& policy) {
                             std::string name = policy.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace hpfeeds::support
