// SPDX-License-Identifier: Apache-2.0
// What arrives is what was sent: nothing lost, doubled or out of order per publisher, on one thread
// on two and on four.
#include "support/broker_process.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::support {
namespace {

constexpr int publishers = 4;
constexpr int listeners = 6;

std::vector<Key> keys() {
    std::vector<Key> list = usual_keys();
    for (int number = 0; number < publishers; ++number)
        list.push_back({"p" + std::to_string(number), "secret", "o", {"events"}, {}});
    return list;
}

class Ordering : public testing::TestWithParam<std::string> {
protected:
    // Publishes `count` messages from each of several connections at once, each with its number and
    // `filler` bytes, and has every listener check the order per publisher.
    static void exchange(const BrokerProcess& broker, int count, std::size_t filler) {
        std::vector<std::unique_ptr<WireClient>> sources;
        for (int number = 0; number < publishers; ++number)
            sources.push_back(std::make_unique<WireClient>(
                broker.address(), Login{"p" + std::to_string(number), "secret"}));
        std::vector<std::unique_ptr<WireClient>> readers;
        for (int number = 0; number < listeners; ++number) {
            readers.push_back(std::make_unique<WireClient>(broker.address(), logger));
            readers.back()->subscribe("events");
        }
        for (auto& source : sources)
            for (auto& reader : readers)
                await(*source, *reader);

        std::vector<std::string> failures(listeners);
        std::vector<std::thread> threads;
        for (int number = 0; number < listeners; ++number)
            threads.emplace_back([&, number] {
                failures[static_cast<std::size_t>(number)] =
                    read_all(*readers[static_cast<std::size_t>(number)], count, filler);
            });
        for (auto& source : sources)
            threads.emplace_back([&, client = source.get()] {
                const std::string tail(filler, 'f');
                for (int number = 0; number < count; ++number)
                    client->publish("events", std::to_string(number) + ":" + tail);
            });
        for (std::thread& thread : threads)
            thread.join();
        for (const std::string& failure : failures)
            EXPECT_EQ(failure, "");
    }

private:
    // After this `reader` is known to the shard of `source`. Probes that are still on their way are
    // skipped later.
    static void await(WireClient& source, WireClient& reader) {
        const Deadline deadline;
        while (!deadline.passed()) {
            source.publish("events", "probe");
            const auto received = reader.poll_frame(std::chrono::milliseconds(20));
            if (received && as_message(*received).ident == source.ident()) return;
        }
        FAIL() << "no message of " << source.ident() << " ever reached a subscriber";
    }

    static std::string read_all(WireClient& reader, int count, std::size_t filler) {
        try {
            std::map<std::string, int> next;
            for (int left = publishers * count; left > 0;) {
                const Message message = reader.expect_message();
                if (message.payload == "probe") continue;
                --left;
                const int expected = next[message.ident]++;
                const std::string start = std::to_string(expected) + ":";
                if (!message.payload.starts_with(start) ||
                    message.payload.size() != start.size() + filler)
                    return message.ident + ": expected " + start + " came " +
                           printable(message.payload, 20);
            }
            return "";
        } catch (const std::exception& error) {
            return error.what();
        }
    }
};

TEST_P(Ordering, HoldsForManySmallMessages) {
    const BrokerProcess broker({.arguments = {"--threads", GetParam()}, .keys = keys()});
    exchange(broker, 5000, 0);
}

TEST_P(Ordering, HoldsForMessagesLongerThanAnyRead) {
    const BrokerProcess broker({.arguments = {"--threads", GetParam()}, .keys = keys()});
    exchange(broker, 8, 1'000'000);
}

TEST_P(Ordering, AMegabyteBetweenSmallMessagesKeepsItsPlace) {
    const BrokerProcess broker({.arguments = {"--threads", GetParam()}});
    WireClient publisher(broker.address(), sensor);
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    wait_until_subscribed(publisher, listener, "events");
    const std::string megabyte(1024 * 1024 - 100, 'm');
    for (int number = 0; number < 20; ++number) {
        publisher.publish("events", "small " + std::to_string(number));
        publisher.publish("events", megabyte + std::to_string(number));
        publisher.publish("events", "");
    }
    for (int number = 0; number < 20; ++number) {
        listener.expect_message({"sensor", "events", "small " + std::to_string(number)});
        listener.expect_message({"sensor", "events", megabyte + std::to_string(number)});
        listener.expect_message({"sensor", "events", ""});
    }
}

// Listeners on every shard come and go while messages flow; who stays misses nothing.
TEST_P(Ordering, ListenersThatComeAndGoDoNotDisturbTheOneThatStays) {
    const BrokerProcess broker({.arguments = {"--threads", GetParam()}});
    WireClient publisher(broker.address(), sensor);
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    wait_until_subscribed(publisher, listener, "events");
    for (int number = 0; number < 300; ++number) {
        WireClient passing(broker.address(), logger);
        passing.subscribe("events");
        publisher.publish("events", std::to_string(number));
        if (number % 3 == 0) passing.unsubscribe("events");
        if (number % 3 == 1) passing.reset();
        listener.expect_message({"sensor", "events", std::to_string(number)});
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, Ordering, testing::Values("1", "2", "4"),
                         [](const auto& threads) { return "On" + threads.param; });

}  // namespace
}  // namespace hpfeeds::support
