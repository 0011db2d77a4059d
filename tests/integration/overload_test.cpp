// SPDX-License-Identifier: Apache-2.0
// More load than the machine carries: nothing is lost below the limits, all that is dropped above
// them is counted, and afterwards the broker is as it was. Counts are tested here, never times.
#include "support/broker_process.hpp"
#include "support/held_thread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

std::vector<Key> keys() {
    std::vector<Key> list = usual_keys();
    list.push_back({"meter", "secret", "o", {"load"}, {"load"}});
    return list;
}

Finished bench(const BrokerProcess& broker, const std::vector<std::string>& more) {
    Command command;
    command.words = {command_line_client_binary(),
                     "bench",
                     "--host",
                     broker.address().host,
                     "-p",
                     std::to_string(broker.address().port),
                     "-i",
                     "meter",
                     "-s",
                     "secret",
                     "-c",
                     "load",
                     "--duration",
                     "120"};
    command.words.insert(command.words.end(), more.begin(), more.end());
    return run(command, Deadline{std::chrono::minutes(3)});
}

// The value of a sample of /metrics, written with its labels.
double metric(const BrokerProcess& broker, const std::string& sample) {
    const LogLine line = broker.wait_for_log({"exporter listening"});
    WireClient exporter(
        Address{line.field("address"), static_cast<std::uint16_t>(std::stoul(line.field("port")))});
    exporter.send("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t count; (count = ::recv(exporter.descriptor(), chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(count));
    std::istringstream lines(text);
    for (std::string each; std::getline(lines, each);)
        if (each.starts_with(sample + " ")) return std::stod(each.substr(sample.size() + 1));
    ADD_FAILURE() << "no " << sample;
    return -1;
}

// As at the start: everybody is served, and nothing of before is left.
void expect_normal(const BrokerProcess& broker) {
    const Finished after =
        bench(broker, {"--publishers", "2", "--subscribers", "3", "--count", "500", "--json"});
    EXPECT_EQ(after.ended, (Ended{0, 0})) << after.err << after.out;
    EXPECT_THAT(after.out, HasSubstr(R"("deliveries":3000,"lost":0,"duplicated":0,)"));
}

// A rate that no machine carries is as fast as it goes, with every message late.
TEST(Overload, TwiceWhatTheMachineCarriesLosesNothing) {
    const BrokerProcess broker({.keys = keys()});
    const Finished done = bench(broker, {"--publishers", "4", "--subscribers", "8", "--rate",
                                         "50000000", "--count", "20000", "--json"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr(R"("deliveries":640000,"lost":0,"duplicated":0,)"));
    expect_normal(broker);
}

// Published to each of them: what its socket took, what is queued, and what was dropped.
TEST(Overload, WithEverySubscriberStalledWhatIsDroppedIsCounted) {
    const BrokerProcess broker(
        {.arguments = {"--slow-policy", "drop-newest", "--slow-high-mark", "1M", "--max-queue",
                       "2M", "--exporter", "127.0.0.1:0"},
         .keys = keys()});
    std::vector<WireClient> stalled;
    for (int count = 0; count < 10; ++count) {
        stalled.emplace_back(broker.address(), Login{"both", "both-secret"}, 4096);
        stalled.back().subscribe("events");
        stalled.back().settle();
    }
    const std::string fill = R"(hpfeeds_broker_connection_send_buffer_fill{ident="both"})";
    const double before = metric(broker, fill);
    WireClient publisher(broker.address(), sensor);
    constexpr int count = 1000;
    const std::string payload(10'000, 'p');
    for (int number = 0; number < count; ++number)
        publisher.publish("events", payload);
    publisher.settle();
    const double queued = (metric(broker, fill) - before) / static_cast<double>(payload.size());
    const double dropped =
        metric(broker, R"(hpfeeds_broker_subscriber_dropped_frames{ident="both"})");
    EXPECT_GT(dropped, 0);
    EXPECT_EQ(queued + dropped, 10.0 * count);
    stalled.clear();
    expect_normal(broker);
}

// A machine that is busy may keep one of the broker's threads from running for as long as another
// takes in more than a subscriber may have queued. That is no reader's fault.
TEST(Overload, AThreadThatIsKeptFromRunningCutsNoReader) {
    const BrokerProcess broker(
        {.arguments = {"--threads", "2", "--exporter", "127.0.0.1:0"}, .keys = keys()});
    WireClient publisher(broker.address(), sensor);  // on the first thread
    publisher.settle();
    WireClient reader(broker.address(), logger);  // on the second
    reader.subscribe("events");
    reader.settle();

    constexpr int count = 6'000;  // 96 MB, where one reader may have 64 MiB
    const std::string tail(16'000, 't');
    HeldThread shard(broker.pid(), "shard-1");
    if (!shard.held()) GTEST_SKIP() << "this system does not let a test hold a thread still";
    std::atomic<bool> published{false};
    const std::jthread sending([&] {
        try {
            for (int number = 0; number < count; ++number)
                publisher.publish("events", std::to_string(number) + tail);
        } catch (const std::exception& gone) {
            ADD_FAILURE() << gone.what();
        }
        published = true;
    });
    const std::string held_up = R"(hpfeeds_broker_shard_mailbox_full{shard="0"})";
    const Deadline deadline;
    while (!published && metric(broker, held_up) == 0 && !deadline.passed())
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_GT(metric(broker, held_up), 0) << "what the held thread had not taken grew unbounded";
    EXPECT_LT(metric(broker, "hpfeeds_broker_message_memory_bytes"), 16 << 20);

    shard.let_go();
    for (int number = 0; number < count; ++number)
        ASSERT_EQ(reader.expect_message().payload, std::to_string(number) + tail);
    EXPECT_EQ(metric(broker, R"(hpfeeds_broker_subscriber_discarded_frames{ident="logger"})"), 0);
}

TEST(Overload, MemoryComesBackWhenABurstIsOver) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's allocator returns nothing";
#endif
    const BrokerProcess broker({.keys = keys()});
    WireClient publisher(broker.address(), sensor);
    publisher.settle();
    const std::size_t before = resident_bytes(broker.pid());
    std::size_t grown = 0;
    {
        WireClient stalled(broker.address(), Login{"both", "both-secret"}, 4096);
        stalled.subscribe("events");
        stalled.settle();
        for (int number = 0; number < 4'000; ++number)
            publisher.publish("events", std::string(10'000, 'p'));
        publisher.settle();
        grown = resident_bytes(broker.pid()) - before;
        EXPECT_GT(grown, std::size_t{20} << 20);
    }
    const Deadline deadline(std::chrono::seconds(60));
    const auto left = [&] {
        const std::size_t now = resident_bytes(broker.pid());
        return now > before ? now - before : 0;
    };
    while (left() > grown / 8 && !deadline.passed())
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_LE(left(), grown / 8);
}

// 10,000 of them where the descriptors suffice.
TEST(Overload, AllSubscribersLeavingAtOnce) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const auto subscribers = std::min<rlim_t>(10'000, limit.rlim_max - 200);
    const BrokerProcess broker({.keys = keys()});
    const std::size_t before = open_sockets(broker.pid());
    const Finished done = bench(broker, {"--subscribers", std::to_string(subscribers), "--count",
                                         "5", "--connecting", "500", "--json"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out,
                HasSubstr(R"("deliveries":)" + std::to_string(subscribers * 5) + R"(,"lost":0,)"));
    expect_normal(broker);
    const Deadline deadline;
    WireClient asks(broker.address(), both);
    while (open_sockets(broker.pid()) > before + 1 && !deadline.passed())
        asks.settle();
    EXPECT_LE(open_sockets(broker.pid()), before + 1);
}

TEST(Overload, AMegabytePublisherDoesNotShutASmallOneOut) {
    const BrokerProcess broker({.keys = keys()});
    const Finished done = bench(broker, {"--publishers", "2", "--subscribers", "3", "--size",
                                         "1000000,64", "--rate", "0,1000", "--count", "300"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("verified    1,800 deliveries: 0 lost, 0 duplicated"));
    expect_normal(broker);
}

}  // namespace
}  // namespace hpfeeds::support
