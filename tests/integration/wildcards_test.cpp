// SPDX-License-Identifier: Apache-2.0
// --wildcards, on one thread and on two: who hears what, who is refused, and how patterns follow
// their key.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

namespace fs = std::filesystem;

Key key(const std::string& ident, const std::vector<std::string>& pubchans,
        const std::vector<std::string>& subchans) {
    Key made{ident, "secret", "owner", pubchans, subchans};
    made.pubchans.push_back("private.*");
    made.subchans.push_back("private.*");
    return made;
}

std::vector<Key> keys() {
    return {key("everything", {}, {"*"}), key("cowries", {}, {"cowrie.*"}),
            key("sensor", {"*"}, {}), key("cowrie", {"cowrie.*"}, {})};
}

Login login(const std::string& ident) {
    return {ident, "secret"};
}

class Wildcards : public testing::TestWithParam<std::string> {
protected:
    Wildcards()
        : broker_({.arguments = {"--wildcards", "--threads", GetParam()}, .keys = keys()}) {}

    BrokerProcess broker_;
};
INSTANTIATE_TEST_SUITE_P(Threads, Wildcards, testing::Values("1", "2"));

TEST_P(Wildcards, ALoggerHearsChannelsThatNobodyListed) {
    WireClient all(broker_.address(), login("everything"));
    WireClient some(broker_.address(), login("cowries"));
    WireClient sensor(broker_.address(), login("sensor"));
    some.subscribe("cowrie.*");
    wait_until_subscribed(sensor, some, "cowrie.probe");
    all.subscribe("*");
    wait_until_subscribed(sensor, all, "probe");
    sensor.publish("dionaea.capture", "1");
    sensor.publish("cowrie.sessions", "2");
    sensor.publish("cowrie", "3");
    sensor.publish("cowrie.a.b", "4");
    all.expect_message({"sensor", "dionaea.capture", "1"});
    all.expect_message({"sensor", "cowrie.sessions", "2"});
    all.expect_message({"sensor", "cowrie", "3"});
    all.expect_message({"sensor", "cowrie.a.b", "4"});
    some.expect_message({"sensor", "cowrie.sessions", "2"});
    some.expect_message({"sensor", "cowrie.a.b", "4"});
}

TEST_P(Wildcards, EachMessageComesOnce) {
    WireClient all(broker_.address(), login("everything"));
    WireClient sensor(broker_.address(), login("sensor"));
    for (const char* name : {"cowrie.x", "cowrie.*", "*", "cowrie.x.*"})
        all.subscribe(name);
    all.settle();
    wait_until_subscribed(sensor, all, "cowrie.x");
    for (int number = 0; number < 100; ++number)
        sensor.publish(number % 2 ? "cowrie.x" : "cowrie.x.y", std::to_string(number));
    for (int number = 0; number < 100; ++number)
        all.expect_message(
            {"sensor", number % 2 ? "cowrie.x" : "cowrie.x.y", std::to_string(number)});
    all.unsubscribe("*");
    all.unsubscribe("cowrie.*");
    all.settle();
    sensor.publish("cowrie.y", "not any more");
    sensor.publish("cowrie.x", "still");
    all.expect_message({"sensor", "cowrie.x", "still"});
}

TEST_P(Wildcards, RefuseWhatTheKeyDoesNotCover) {
    for (const std::string channel : {"*", "dionaea.*", "cowrie", "cow.*"}) {
        WireClient some(broker_.address(), login("cowries"));
        some.subscribe(channel);
        some.expect_refusal("Authkey not allowed to sub here. ident=cowries, chan=" + channel);
    }
    WireClient sensor(broker_.address(), login("cowrie"));
    sensor.publish("cowrie.sessions", "x");
    sensor.publish("dionaea.capture", "x");
    sensor.expect_refusal("Authkey not allowed to pub here. ident=cowrie, chan=dionaea.capture");
}

TEST_P(Wildcards, PatternsFollowTheirKey) {
    WireClient all(broker_.address(), login("everything"));
    WireClient sensor(broker_.address(), login("sensor"));
    all.subscribe("*");
    all.subscribe("cowrie.x");
    wait_until_subscribed(sensor, all, "other");
    std::vector<Key> changed = keys();
    changed[0] = key("everything", {}, {"cowrie.*"});
    const fs::path folder = broker_.directory().path();
    write_file(folder / "next.json", users_json(changed));
    fs::rename(folder / "next.json", folder / "users.json");
    broker_.wait_for_log({"permissions changed", "ident=everything", "subscriptions_ended=1"});
    all.settle();
    sensor.publish("other", "lost");
    sensor.publish("cowrie.y", "lost, too");
    sensor.publish("cowrie.x", "kept");
    all.expect_message({"sensor", "cowrie.x", "kept"});
    all.subscribe("cowrie.*");
    wait_until_subscribed(sensor, all, "cowrie.y");
}

// A key with `*` can name channels without end: what the broker keeps of them stays bounded.
TEST_P(Wildcards, APublisherOfEndlessChannelsTakesBoundedMemory) {
    WireClient all(broker_.address(), login("everything"));
    WireClient sensor(broker_.address(), login("sensor"));
    all.subscribe("*");
    wait_until_subscribed(sensor, all, "probe");
    const auto name = [](int number) { return "channel." + std::to_string(number); };
    constexpr int before = 5'000;
    constexpr int channels = 60'000;
    constexpr int batch = 500;
    std::size_t resident = 0;
    for (int first = 0; first < channels; first += batch) {
        for (int number = first; number < first + batch; ++number)
            sensor.publish(name(number), "x");
        for (int number = first; number < first + batch; ++number)
            all.expect_message({"sensor", name(number), "x"});
        if (first == before) resident = resident_bytes(broker_.pid());
    }
    // Neither routes nor counters go on growing.
    EXPECT_LT(resident_bytes(broker_.pid()) - resident,
              std::size_t{10} * 1024 * 1024 * HPFEEDS_RESIDENT_SCALE);
}

TEST(WithoutWildcards, PatternsAreNamesLikeAllOthers) {
    const BrokerProcess broker({.keys = keys()});
    WireClient all(broker.address(), login("everything"));
    all.subscribe("*");
    all.subscribe("cowrie.x");
    all.expect_refusal("Authkey not allowed to sub here. ident=everything, chan=cowrie.x");
    WireClient sensor(broker.address(), login("sensor"));
    sensor.publish("*", "x");
    sensor.publish("cowrie.x", "x");
    sensor.expect_refusal("Authkey not allowed to pub here. ident=sensor, chan=cowrie.x");
}

// The command line client needs no change: a pattern is a name to it.
TEST_P(Wildcards, TheCommandLineClientSubscribesToAPattern) {
    const Address address = broker_.address();
    Process client({.words = {command_line_client_binary(), "subscribe", "--host", address.host,
                              "-p", std::to_string(address.port), "-i", "everything", "-s",
                              "secret", "-c", "cowrie.*"}});
    ASSERT_TRUE(client.out().wait_for_text("connected to"));
    WireClient sensor(broker_.address(), login("sensor"));
    const Deadline deadline;
    while (!client.out().wait_for_text("publish to cowrie.sessions by sensor: hello",
                                       Deadline(std::chrono::milliseconds(50)))) {
        ASSERT_FALSE(deadline.passed()) << client.out().text() << client.err().text();
        sensor.publish("cowrie.sessions", "hello");
    }
}

}  // namespace
}  // namespace hpfeeds::support
