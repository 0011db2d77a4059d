// SPDX-License-Identifier: Apache-2.0
// The broker's configuration: a file, the environment and the command line together.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;
using testing::Not;

// A broker whose every flag but the keys is in its file.
BrokerSetup configured_by(const std::string& file) {
    return {.arguments = {"--config", "broker.toml"},
            .endpoints = {},
            .files = {{"broker.toml", file}}};
}

TEST(Configuration, FileSaysWhereToListenAndWhatToBeCalled) {
    const BrokerProcess broker(
        configured_by("# one endpoint, over IPv6\n"
                      "endpoint = ['tcp:interface=\\:\\:1:port=0']\n"
                      "name = \"configured\"\n"
                      "debug = true\n"));
    WireClient client(broker.address(), sensor);
    EXPECT_EQ(client.info().name, "configured");
    client.settle();
    broker.wait_for_log({"logged in", "sensor"});
}

TEST(Configuration, EnvironmentGoesBeforeTheFileAndTheCommandLineBeforeBoth) {
    BrokerSetup setup = configured_by(
        "endpoint = 'tcp:interface=127.0.0.1:port=0'\n"
        "name = \"file\"\nmax-frame = \"1M\"\nmax-queue = \"1K\"\n");
    // Either value of the file alone would be refused beside the other.
    setup.environment = {{"HPFEEDS_BROKER_NAME", "environment"},
                         {"HPFEEDS_BROKER_MAX_QUEUE", "2M"},
                         {"HPFEEDS_BROKER_SLOW_HIGH_MARK", "1M"}};
    const BrokerProcess broker(setup);
    EXPECT_EQ(WireClient(broker.address(), sensor).info().name, "environment");

    setup.arguments.insert(setup.arguments.end(), {"--name", "command line"});
    const BrokerProcess other(setup);
    EXPECT_EQ(WireClient(other.address(), sensor).info().name, "command line");
}

TEST(Configuration, VariablesOfTheKeyStoreAreNoFlags) {
    BrokerSetup setup{.arguments = {"--auth", "env"}, .keys = {}};
    setup.environment = {{"HPFEEDS_BROKER_SECRET", "s"},
                         {"HPFEEDS_BROKER_PUBCHANS", "events"},
                         {"HPFEEDS_BROKER_SUBCHANS", "events"}};
    const BrokerProcess broker(setup);
    WireClient client(broker.address(), Login{"broker", "s"});
    client.subscribe("events");
    client.publish("events", "let in");
    client.expect_message({"broker", "events", "let in"});
    EXPECT_THAT(broker.log(), Not(HasSubstr("may not be what was meant")));
}

TEST(Configuration, VariableThatIsNearlyAFlagIsToldInTheLog) {
    BrokerSetup setup;
    setup.environment = {{"HPFEEDS_BROKER_MAX_QEUE", "1M"}};
    const BrokerProcess broker(setup);
    broker.wait_for_log({"HPFEEDS_BROKER_MAX_QUEUE"});
}

TEST(Configuration, BadFileIsRefusedWithFileLineAndRemedy) {
    const TemporaryDirectory directory;
    write_file(directory.file("broker.toml"), "debug = true\n\nmax-qeue = \"64M\"\nthreads = []\n");
    const Finished finished = run(broker_command({"--config", "broker.toml"}, directory));
    EXPECT_EQ(finished.ended, (Ended{.status = 2}));
    EXPECT_EQ(finished.err,
              "hpfeeds-broker: broker.toml:3: unknown key 'max-qeue'; did you mean max-queue?\n"
              "hpfeeds-broker: broker.toml:4: threads wants one value, not a list\n");
    EXPECT_EQ(finished.out, "");
}

TEST(Configuration, SecretsOfTheFileAreNotRepeated) {
    const TemporaryDirectory directory;
    write_file(directory.file("broker.toml"), "auth = 'mysql://user:hunter2@host/name'\n");
    const Finished finished = run(broker_command({"--config", "broker.toml"}, directory));
    EXPECT_NE(finished.ended.status, 0);
    EXPECT_THAT(finished.err, Not(HasSubstr("hunter2")));
}

TEST(Configuration, LogTellsNothingBelowItsLevel) {
    const TemporaryDirectory directory;
    write_file(directory.file("users.json"), "{ not json");
    // It ends by itself: the second endpoint cannot be had.
    const Finished finished = run(broker_command(
        {"--log-level", "error", "--auth", "users.json", "-e", "tcp:interface=192.0.2.1:port=1"},
        directory));
    EXPECT_THAT(finished.err, HasSubstr("the key file is invalid"));
    EXPECT_THAT(finished.err, Not(HasSubstr("info")));
}

}  // namespace
}  // namespace hpfeeds::support
