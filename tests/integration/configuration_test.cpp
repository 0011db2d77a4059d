// SPDX-License-Identifier: Apache-2.0
// The broker's configuration: a file, the environment and the command line together.
#include "support/broker_process.hpp"
#include "support/certificates.hpp"
#include "support/metrics_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <filesystem>
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

TEST(Configuration, KeysThatDoNotFitEachOtherAreToldWithTheirLines) {
    const TemporaryDirectory directory;
    write_file(directory.file("broker.toml"), "\nmax-queue = '64M'\n\nmax-memory = '32M'\n");
    EXPECT_EQ(run(broker_command({"--config", "broker.toml"}, directory)).err,
              "hpfeeds-broker: broker.toml:2 and broker.toml:4: --max-queue (64MiB) is more than "
              "--max-memory (32MiB); lower --max-queue or raise --max-memory\n");
    EXPECT_EQ(
        run(broker_command({"--config", "broker.toml", "--max-memory", "16M"}, directory)).err,
        "hpfeeds-broker: broker.toml:2: --max-queue (64MiB) is more than --max-memory "
        "(16MiB); lower --max-queue or raise --max-memory\n");
    write_file(directory.file("broker.toml"), "exporter-details = true\n");
    EXPECT_EQ(run(broker_command({"--config", "broker.toml"}, directory)).err,
              "hpfeeds-broker: broker.toml:1: --exporter-details without --exporter: give "
              "--exporter HOST:PORT, too\n");
}

TEST(Configuration, SecretsOfTheFileAreNotRepeated) {
    const TemporaryDirectory directory;
    write_file(directory.file("broker.toml"), "auth = 'mysql://user:hunter2@host/name'\n");
    const Finished finished = run(broker_command({"--config", "broker.toml"}, directory));
    EXPECT_NE(finished.ended.status, 0);
    EXPECT_THAT(finished.err, Not(HasSubstr("hunter2")));
}

// ---- --check and --print-config ----

void make_certificate(const TemporaryDirectory& directory) {
    const Identity identity = make_identity();
    write_file(directory.file("broker.key"), identity.key);
    write_file(directory.file("broker.crt"), identity.certificate);
}

Finished check(const TemporaryDirectory& directory, const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"--check"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run(broker_command(words, directory));
}

TEST(Check, SaysWhatAStartWouldFind) {
    const TemporaryDirectory directory;
    write_file(directory.file("users.json"), users_json(usual_keys()));
    make_certificate(directory);
    write_file(directory.file("broker.toml"),
               "endpoint = ['tcp:port=1', 'tls:port=2:key=broker.key:cert=broker.crt']\n"
               "auth = ['users.json', 'env', 'sqlite']\n");
    const Finished finished = check(directory, {"--config", "broker.toml"});
    EXPECT_EQ(finished.ended, (Ended{.status = 0})) << finished.out << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("ok       configuration: 0 from the command line"));
    EXPECT_THAT(finished.out, HasSubstr("2 from the file"));
    EXPECT_THAT(finished.out, HasSubstr("ok       endpoint tcp:port=1: not encrypted"));
    EXPECT_THAT(finished.out, HasSubstr(": certificate of "));
    EXPECT_THAT(finished.out, HasSubstr("ok       key store users.json: " +
                                        std::to_string(usual_keys().size()) + " keys"));
    EXPECT_THAT(finished.out, HasSubstr("ok       key store env: 0 keys"));
    EXPECT_THAT(finished.out, HasSubstr("key store sqlite: not there yet"));
    EXPECT_FALSE(std::filesystem::exists(directory.file("sqlite.db"))) << "a look changes nothing";
}

TEST(Check, FindsEveryFault) {
    const TemporaryDirectory directory;
    write_file(directory.file("users.json"), "{ \"a\": 1 }");
    make_certificate(directory);
    write_file(directory.file("other.key"), "no key");
    const Finished finished = check(
        directory, {"-e", "tls:port=1:key=other.key:cert=broker.crt", "-e",
                    "tls:port=2:key=broker.key:cert=broker.crt", "--auth", "users.json", "--auth",
                    "none.json", "--auth", "database+postgresql://u:hunter2@127.0.0.1:1/d"});
    EXPECT_EQ(finished.ended, (Ended{.status = 1})) << finished.out << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("bad      endpoint tls:port=1:key=other.key"));
    EXPECT_THAT(finished.out, HasSubstr("ok       endpoint tls:port=2"));
    EXPECT_THAT(finished.out, HasSubstr("bad      key store users.json: "));
    EXPECT_THAT(finished.out, HasSubstr("bad      key store none.json: "));
    EXPECT_THAT(finished.out, HasSubstr("bad      key store database+postgresql://u:*@"));
    EXPECT_THAT(finished.out + finished.err, Not(HasSubstr("hunter2")));
}

TEST(Check, EndsWithOneForABadConfigurationToo) {
    const TemporaryDirectory directory;
    write_file(directory.file("broker.toml"), "max-qeue = 1\n");
    const Finished finished = check(directory, {"--config", "broker.toml"});
    EXPECT_EQ(finished.ended, (Ended{.status = 1}));
    EXPECT_THAT(finished.err, HasSubstr("broker.toml:1: unknown key 'max-qeue'"));
}

TEST(PrintConfig, HidesSecretsOfStores) {
    const TemporaryDirectory directory;
    const Finished finished = run(broker_command(
        {"--print-config", "--auth", "env", "--auth", "database+mysql://u:hunter2@h/d"},
        directory));
    EXPECT_EQ(finished.ended, (Ended{.status = 0}));
    EXPECT_THAT(finished.out, HasSubstr("    \"database+mysql://u:*@h/d\",\n"));
    EXPECT_THAT(finished.out, HasSubstr("USER:PASSWORD@HOST")) << "of the comment";
}

// ---- SIGHUP ----

class Reload : public testing::Test {
protected:
    void reload_with(const std::string& file) {
        write_file(broker_.directory().file("broker.toml"), listening_ + file);
        kill(broker_.pid(), SIGHUP);
    }

    const std::string listening_ =
        "endpoint = 'tcp:interface=127.0.0.1:port=0'\n"
        "exporter = '127.0.0.1:0'\n";
    BrokerProcess broker_{configured_by(listening_)};
};

TEST_F(Reload, TakesOverTheLogLevel) {
    WireClient quiet(broker_.address(), sensor);
    quiet.settle();
    EXPECT_THAT(broker_.log(), Not(HasSubstr("logged in")));
    reload_with("log-level = 'debug'\n");
    broker_.wait_for_log({"configuration read again", "log-level"});
    WireClient(broker_.address(), sensor).settle();
    broker_.wait_for_log({"logged in", "sensor"});
    quiet.settle();
}

TEST_F(Reload, SaysWhatWaitsForTheNextStart) {
    reload_with("threads = 2\nname = 'other'\nshutdown-grace = '1s'\n");
    broker_.wait_for_log({"configuration read again", "taken_over=shutdown-grace"});
    broker_.wait_for_log({"take effect at the next start", "settings=\"name, threads\""});
    EXPECT_EQ(WireClient(broker_.address(), sensor).info().name, "hpfeeds");
}

TEST_F(Reload, KeepsEverythingWhenTheFileIsBad) {
    reload_with("log-level = 'debug'\nmax-qeue = '1M'\n");
    broker_.wait_for_log({"everything stays as it is", "broker.toml:4", "did you mean max-queue?"});
    WireClient(broker_.address(), sensor).settle();
    EXPECT_THAT(broker_.log(), Not(HasSubstr("logged in")));
    // What fits by itself may not fit what only a restart would change.
    reload_with("max-frame = '1K'\nmax-queue = '2K'\nslow-high-mark = '2K'\n");
    broker_.wait_for_log({"everything stays as it is", "--max-frame", "is more than"});
    reload_with("log-level = 'debug'\n");
    broker_.wait_for_log({"configuration read again", "log-level"});
}

TEST_F(Reload, KeepsEverythingWhenAKeyFileIsBad) {
    write_file(broker_.directory().file("users.json"), "{");
    reload_with("log-level = 'debug'\n");
    broker_.wait_for_log({"everything stays as it is", "users.json"});
    WireClient(broker_.address(), sensor).settle();
    EXPECT_THAT(broker_.log(), Not(HasSubstr("logged in")));
    EXPECT_EQ(broker_.stop(), 0);
}

TEST_F(Reload, ReadsKeysAgain) {
    write_file(broker_.directory().file("users.json"),
               users_json({{"newcomer", "s", "o", {"events"}, {"events"}}}));
    kill(broker_.pid(), SIGHUP);
    broker_.wait_for_log({"configuration read again"});
    WireClient client(broker_.address(), Login{"newcomer", "s"});
    client.subscribe("events");
    client.publish("events", "known");
    client.expect_message({"newcomer", "events", "known"});
}

TEST_F(Reload, TakesOverHowManyConnectionsOneIdentAndOneAddressMayHave) {
    WireClient first(broker_.address(), sensor);
    WireClient second(broker_.address(), sensor);
    first.settle();
    second.settle();
    reload_with("auth-failure-delay = '0s'\nmax-connections-per-ident = 2\n");
    broker_.wait_for_log({"taken_over=\"auth-failure-delay, max-connections-per-ident\""});
    WireClient third(broker_.address(), sensor);
    third.expect_refusal("Too many connections for sensor");

    reload_with("max-connections-per-address = 2\n");
    broker_.wait_for_log({"taken_over", "max-connections-per-address, max-connections-per-ident"});
    WireClient refused(broker_.address());
    refused.expect_closed();
    broker_.wait_for_log({"reason=address-full", "connections=2"});
    first.settle();
    second.settle();

    reload_with("");
    broker_.wait_for_log({"taken_over=max-connections-per-address"});
    WireClient(broker_.address(), sensor).settle();
}

// Three at once from one address: with a longest pause above the pause itself, two of them are
// slowed.
TEST_F(Reload, TakesOverHowLongFailedLoginsOfOneAddressWait) {
    const MetricsPage page(broker_);
    const auto fail_three_times = [this] {
        std::vector<WireClient> failing;
        for (int number = 0; number < 3; ++number)
            failing.emplace_back(broker_.address(), Login{"sensor", "wrong"});
        for (WireClient& client : failing)
            client.expect_refusal("Authentication failed for sensor");
    };
    reload_with("auth-failure-delay = '200ms'\nauth-failure-delay-max = '0s'\n");
    broker_.wait_for_log({"taken_over=\"auth-failure-delay, auth-failure-delay-max\""});
    fail_three_times();
    EXPECT_EQ(page.value("hpfeeds_broker_failed_logins_slowed"), 0);
    reload_with("auth-failure-delay = '200ms'\n");
    broker_.wait_for_log({"taken_over=auth-failure-delay-max"});
    fail_three_times();
    page.wait_for("hpfeeds_broker_failed_logins_slowed", [](double slowed) { return slowed >= 1; });
}

// At one a second, a hundred take longer than this test waits.
TEST_F(Reload, TakesOverHowMuchAnIdentMayPublish) {
    WireClient listener(broker_.address(), both);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker_.address(), sensor);
    publisher.publish("events", "unbounded");
    listener.expect_message({"sensor", "events", "unbounded"});
    reload_with("max-publish-rate = 1\n");
    broker_.wait_for_log({"taken_over=max-publish-rate"});
    for (int number = 0; number < 100; ++number)
        publisher.publish("events", std::to_string(number) + std::string(1'000, '.'));
    broker_.wait_for_log({"publisher slowed", "ident=sensor"});
    listener.expect_message({"sensor", "events", "0" + std::string(1'000, '.')});
    reload_with("log-level = 'debug'\n");
    broker_.wait_for_log({"taken_over=\"log-level, max-publish-rate\""});
    for (int number = 1; number < 100; ++number)
        listener.expect_message(
            {"sensor", "events", std::to_string(number) + std::string(1'000, '.')});
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
