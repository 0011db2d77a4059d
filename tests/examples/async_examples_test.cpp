// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/client.hpp"
#include "hpfeeds/testing.hpp"
#include "support/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

namespace hpfeeds {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

const hpfeeds::testing::User me{"me", "secret", {"in", "out"}, {"in", "out"}};

std::vector<std::string> example(const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HPFEEDS_EXAMPLES "/" + name);
    return arguments;
}

// Publishes until somebody who has just subscribed hears it; there is no other sign.
template <typename Heard>
void publish_until(Client& client, const std::string& channel, const std::string& payload,
                   Heard heard) {
    for (int i = 0; i < 2000 && !heard(); ++i)
        client.publish(channel, payload);
    ASSERT_TRUE(heard());
}

TEST(AsyncExamples, PublishSendsEveryLine) {
    const hpfeeds::testing::Broker broker({me});
    Client listener(broker.options_for("me"));
    listener.subscribe("in");
    listener.publish("in", "ready");
    ASSERT_TRUE(listener.read(30s));
    const support::Finished finished = support::run(
        {.words =
             example("publish", {"127.0.0.1", std::to_string(broker.port()), "me", "secret", "in"}),
         .input = "one\ntwo\nthree\n"});
    EXPECT_EQ(finished.ended.status, 0) << finished.err;
    for (const char* line : {"one", "two", "three"})
        EXPECT_EQ(listener.read(30s).value().text(), line);
}

TEST(AsyncExamples, PublishSaysWhyItFailed) {
    const hpfeeds::testing::Broker broker({me});
    const support::Finished finished =
        support::run({.words = example("publish", {"127.0.0.1", std::to_string(broker.port()), "me",
                                                   "secret", "forbidden"}),
                      .input = "one\n"});
    EXPECT_EQ(finished.ended.status, 1);
    EXPECT_THAT(finished.err, HasSubstr("not allowed to pub here. ident=me, chan=forbidden"));
}

TEST(AsyncExamples, SubscribePrintsAndEndsInGoodOrder) {
    const hpfeeds::testing::Broker broker({me});
    support::Process subscriber(
        {.words = example("subscribe",
                          {"127.0.0.1", std::to_string(broker.port()), "me", "secret", "in"})});
    Client client(broker.options_for("me"));
    publish_until(client, "in", "an event", [&] {
        return subscriber.out()
            .wait_for_line([](std::string_view line) { return line == "me in an event"; },
                           support::Deadline(20ms))
            .has_value();
    });
    subscriber.signal(SIGTERM);
    EXPECT_EQ(subscriber.wait().status, 0) << subscriber.err().text();
}

TEST(AsyncExamples, MergesBrokersAndKeepsEventsWithHashes) {
    const hpfeeds::testing::Broker one({me});
    const hpfeeds::testing::Broker two({me});
    const hpfeeds::testing::Broker target({me});
    Client listener(target.options_for("me"));
    listener.subscribe("out");
    listener.publish("out", "ready");
    ASSERT_TRUE(listener.read(30s));
    const auto address = [](const hpfeeds::testing::Broker& broker) {
        return "127.0.0.1:" + std::to_string(broker.port());
    };
    support::Process merger(
        {.words = example("merge_brokers", {"me", "secret", "in", "out", address(target),
                                            address(one), address(two)})});
    for (const hpfeeds::testing::Broker* broker : {&one, &two}) {
        Client client(broker->options_for("me"));
        const std::string wanted =
            R"({"hashes":["d41d8c"],"port":)" + std::to_string(broker->port()) + "}";
        std::optional<Message> heard;
        client.publish("in", "no JSON at all");
        client.publish("in", R"({"hashes": []})");
        publish_until(client, "in", wanted, [&] {
            while (auto message = listener.read(20ms)) {
                EXPECT_THAT(message->text(), HasSubstr("d41d8c"));
                if (message->text() == wanted) heard = std::move(message);
            }
            return heard.has_value();
        });
    }
    merger.signal(SIGTERM);
    EXPECT_EQ(merger.wait().status, 0) << merger.err().text();
    EXPECT_THAT(merger.err().text(), HasSubstr("events with hashes"));
}

}  // namespace
}  // namespace hpfeeds
