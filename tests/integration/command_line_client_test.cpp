// SPDX-License-Identifier: Apache-2.0
// `hpfeeds subscribe|publish|sendfile` against the real broker: output, exit status, reconnecting.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <csignal>

#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

Command hpfeeds(const Address& broker, const std::string& action, const Login& login,
                const std::vector<std::string>& more) {
    Command command;
    command.words = {command_line_client_binary(), action, "--host",    broker.host, "-p",
                     std::to_string(broker.port),  "-i",   login.ident, "-s",        login.secret};
    command.words.insert(command.words.end(), more.begin(), more.end());
    return command;
}

// Publishes until the subscriber has printed the first one.
void wait_until_printed(const BrokerProcess& broker, const Process& subscriber) {
    WireClient publisher(broker.address(), sensor);
    const Deadline deadline;
    do {
        publisher.publish("events", "probe");
    } while (!subscriber.out().wait_for_text("probe", Deadline{std::chrono::milliseconds(50)}) &&
             !deadline.passed());
}

TEST(CommandLineClient, PublishArrivesAndSucceeds) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    const Finished done =
        run(hpfeeds(broker.address(), "publish", sensor, {"-c", "events", R"({"event":)", "1}"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    EXPECT_THAT(done.out, HasSubstr("[feedcli] connected to hpfeeds"));
    EXPECT_THAT(done.out, HasSubstr("[feedcli] closing connection."));
    listener.expect_message({"sensor", "events", R"({"event": 1})"});
}

TEST(CommandLineClient, PublishAndSendfileSendTheBytesOfAFile) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    std::string sample;
    for (int count = 0; count < 4000; ++count)
        for (int value = 0; value < 256; ++value)
            sample.push_back(static_cast<char>(value));
    write_file(broker.directory().path() / "sample.bin", sample);
    for (const char* action : {"publish", "sendfile"}) {
        const Finished done = run(hpfeeds(broker.address(), action, sensor,
                                          {"-c", "events", broker.directory().file("sample.bin")}));
        EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
        listener.expect_message({"sensor", "events", sample});
    }
}

TEST(CommandLineClient, PublishReadsStandardInput) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    Command command = hpfeeds(broker.address(), "publish", sensor, {"-c", "events", "-"});
    command.input = std::string("piped\0bytes", 11);
    EXPECT_EQ(run(command).ended, (Ended{0, 0}));
    listener.expect_message({"sensor", "events", command.input});
}

TEST(CommandLineClient, PublishSendsToEveryChannel) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.subscribe("other");
    listener.settle();
    EXPECT_EQ(
        run(hpfeeds(broker.address(), "publish", sensor, {"-c", "events", "-c", "other", "x"}))
            .ended,
        (Ended{0, 0}));
    listener.expect_message({"sensor", "events", "x"});
    listener.expect_message({"sensor", "other", "x"});
}

TEST(CommandLineClient, ABrokerErrorIsStatusOneAndItsText) {
    const BrokerProcess broker({.arguments = {"--auth-failure-delay", "0"}});
    Finished done = run(hpfeeds(broker.address(), "publish", sensor, {"-c", "secrets", "x"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out + done.err,
                HasSubstr("Authkey not allowed to pub here. ident=sensor, chan=secrets"));
    done = run(hpfeeds(broker.address(), "publish", {"sensor", "wrong"}, {"-c", "events", "x"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out + done.err, HasSubstr("Authentication failed for sensor"));
    done = run(hpfeeds(broker.address(), "subscribe", logger, {"-c", "secrets"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.out + done.err,
                HasSubstr("Authkey not allowed to sub here. ident=logger, chan=secrets"));
}

TEST(CommandLineClient, NoBrokerIsStatusOne) {
    Address gone;
    {
        const BrokerProcess broker;
        gone = broker.address();
    }
    const Finished done = run(hpfeeds(gone, "publish", sensor, {"-c", "events", "x"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_NE(done.err, "");
}

TEST(CommandLineClient, MissingChannelIsAUsageErrorAndAMissingFileAFailure) {
    const BrokerProcess broker;
    EXPECT_EQ(run(hpfeeds(broker.address(), "publish", sensor, {"x"})).ended, (Ended{2, 0}));
    const Finished done =
        run(hpfeeds(broker.address(), "sendfile", sensor, {"-c", "events", "./missing.bin"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("missing.bin"));
}

TEST(CommandLineClient, SubscribePrintsMessagesAndEndsWithStatusZeroOnCtrlC) {
    const BrokerProcess broker;
    Process subscriber(
        hpfeeds(broker.address(), "subscribe", logger, {"-c", "events", "-c", "other"}));
    wait_until_printed(broker, subscriber);
    WireClient publisher(broker.address(), sensor);
    publisher.publish("other", "a line");
    publisher.publish("events", std::string("\x00\x01\x02\xff binary, and long enough", 29));
    EXPECT_TRUE(subscriber.out().wait_for_text("[feedcli] publish to other by sensor: a line\n"));
    EXPECT_TRUE(subscriber.out().wait_for_text("[feedcli] publish to events by sensor: 000102ff"));
    subscriber.signal(SIGINT);
    EXPECT_EQ(subscriber.wait(), (Ended{0, 0}));
    EXPECT_THAT(subscriber.out().text(), HasSubstr("[feedcli] closing connection."));
}

TEST(CommandLineClient, SubscribeWritesToAFileToo) {
    const BrokerProcess broker;
    const std::string file = broker.directory().file("messages.log");
    Process subscriber(
        hpfeeds(broker.address(), "subscribe", logger, {"-c", "events", "-o", file}));
    wait_until_printed(broker, subscriber);
    WireClient publisher(broker.address(), sensor);
    publisher.publish("events", "kept");
    EXPECT_TRUE(subscriber.out().wait_for_text("kept"));
    subscriber.signal(SIGTERM);
    EXPECT_EQ(subscriber.wait(), (Ended{0, 0}));
    EXPECT_THAT(read_file(file), HasSubstr("kept"));
}

TEST(CommandLineClient, SubscribeKeepsEveryByteInRawFormat) {
    const BrokerProcess broker;
    Process subscriber(
        hpfeeds(broker.address(), "subscribe", logger, {"-c", "events", "--format", "raw"}));
    wait_until_printed(broker, subscriber);
    WireClient publisher(broker.address(), sensor);
    const std::string payload("\x00\xff\n\x01 end", 8);
    publisher.publish("events", payload);
    EXPECT_TRUE(subscriber.out().wait_for_text(payload));
}

TEST(CommandLineClient, SubscribeComesBackAfterARestartWithItsSubscriptions) {
    auto broker = std::make_unique<BrokerProcess>();
    const Address address = broker->address();
    Process subscriber(hpfeeds(address, "subscribe", logger, {"-c", "events"}));
    wait_until_printed(*broker, subscriber);
    EXPECT_EQ(broker->stop(), 0);
    broker.reset();
    broker = std::make_unique<BrokerProcess>(
        BrokerSetup{.endpoints = {"tcp:interface=127.0.0.1:port=" + std::to_string(address.port)}});
    WireClient publisher(address, sensor);
    const Deadline deadline;
    do {
        publisher.publish("events", "after the restart");
    } while (!subscriber.out().wait_for_text("after the restart",
                                             Deadline{std::chrono::milliseconds(50)}) &&
             !deadline.passed());
    EXPECT_THAT(subscriber.out().text(), HasSubstr("after the restart"));
    subscriber.signal(SIGINT);
    EXPECT_EQ(subscriber.wait(), (Ended{0, 0}));
}

TEST(CommandLineClient, HelpTeachesWithExamples) {
    const Finished done = run({.words = {command_line_client_binary(), "--help"}});
    EXPECT_EQ(done.ended, (Ended{0, 0}));
    EXPECT_THAT(done.out, HasSubstr("Examples:"));
}

}  // namespace
}  // namespace hpfeeds::support
