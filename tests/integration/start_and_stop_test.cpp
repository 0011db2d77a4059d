// SPDX-License-Identifier: Apache-2.0
// The broker as a process: where it listens, what it refuses to start with, and how it ends.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <csignal>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

// ---- where it listens ----

TEST(Endpoints, SeveralServeTheSameChannels) {
    const BrokerProcess broker({.endpoints = {any_port, any_port, any_port}, .listeners = 3});
    WireClient listener(broker.address(0), logger);
    listener.subscribe("events");
    listener.settle();
    for (std::size_t index = 0; index < 3; ++index) {
        WireClient publisher(broker.address(index), sensor);
        publisher.publish("events", std::to_string(index));
        listener.expect_message({"sensor", "events", std::to_string(index)});
    }
}

TEST(Endpoints, ServeIPv6BesideIPv4) {
    const BrokerProcess broker(
        {.endpoints = {any_port, R"(tcp:interface=\:\:1:port=0)"}, .listeners = 2});
    WireClient listener(broker.address(1), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(0), sensor);
    publisher.publish("events", "over both");
    listener.expect_message({"sensor", "events", "over both"});
}

TEST(Endpoints, LegacyBindIsServed) {
    for (const char* bind : {"127.0.0.1:0", "[::1]:0"}) {
        const BrokerProcess broker({.arguments = {"--bind", bind}, .endpoints = {}});
        WireClient client(broker.address(), both);
        client.settle();
    }
}

// ---- what it refuses to start with ----

struct Refusal {
    std::string name;
    std::vector<std::string> arguments;
    int status;
    std::string said;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << refusal.name;
}

class Start : public testing::TestWithParam<Refusal> {};

TEST_P(Start, IsRefusedWithOneClearLine) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "cert.pem", "not a certificate");
    const Finished finished = run(broker_command(GetParam().arguments, directory));
    EXPECT_EQ(finished.ended, (Ended{GetParam().status, 0}));
    EXPECT_THAT(finished.err, HasSubstr(GetParam().said));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
}

INSTANTIATE_TEST_SUITE_P(
    StartAndStop, Start,
    testing::Values(
        Refusal{"EndpointWithoutPort", {"-e", "tcp:interface=127.0.0.1"}, 2, "port"},
        Refusal{"EndpointWithPortTooLarge", {"-e", "tcp:port=65536"}, 2, "65536"},
        Refusal{"EndpointWithUnknownField", {"-e", "tcp:port=0:colour=red"}, 2, "colour"},
        Refusal{"EndpointThatIsNone", {"-e", "nonsense"}, 2, "nonsense"},
        Refusal{"UnknownEndpointClass", {"-e", "udp:port=20000"}, 2, "udp"},
        Refusal{"AddressOfAnotherHost", {"-e", "tcp:interface=192.0.2.1:port=0"}, 1, "192.0.2.1"},
        Refusal{"MissingJson", {"-e", any_port, "--auth", "x.json"}, 1, "Cannot find 'x.json'"},
        Refusal{"NonsenseAuth", {"-e", any_port, "--auth", "nonsense"}, 1, "nonsense"},
        Refusal{"CertificateWithoutKey",
                {"--bind", "127.0.0.1:0", "--tlscert", "cert.pem"},
                2,
                "Must specify --tlskey AND --tlscert"},
        Refusal{"KeyWithoutCertificate",
                {"--bind", "127.0.0.1:0", "--tlskey", "cert.pem"},
                2,
                "Must specify --tlskey AND --tlscert"},
        Refusal{"UnknownFlag", {"--frobnicate"}, 2, "--frobnicate"},
        Refusal{
            "ExporterWithoutPort", {"-e", any_port, "--exporter", "127.0.0.1"}, 2, "--exporter"},
        Refusal{
            "SqliteFileThatIsNoDatabase", {"-e", any_port, "--auth", "./missing/x.db"}, 1, "x.db"}),
    [](const auto& refusal) { return refusal.param.name; });

TEST(StartAndStop, APortInUseIsRefusedWithOneLineThatNamesIt) {
    const BrokerProcess first;
    const std::string port = std::to_string(first.address().port);
    const TemporaryDirectory directory;
    const Finished second = run(
        broker_command({"-e", "tcp:interface=127.0.0.1:port=" + port, "--auth", "env"}, directory));
    EXPECT_EQ(second.ended, (Ended{1, 0}));
    EXPECT_THAT(second.err, HasSubstr(port));
    EXPECT_THAT(second.err, HasSubstr("in use"));
}

// One of several endpoints cannot be had: none is left half open.
TEST(StartAndStop, OneEndpointInUseStopsTheWholeStart) {
    const BrokerProcess first;
    const TemporaryDirectory directory;
    const Finished second = run(broker_command(
        {"-e", any_port, "-e",
         "tcp:interface=127.0.0.1:port=" + std::to_string(first.address().port), "--auth", "env"},
        directory));
    EXPECT_EQ(second.ended, (Ended{1, 0}));
    EXPECT_EQ(second.err.find("listening"), std::string::npos) << second.err;
}

TEST(StartAndStop, HelpAndVersionGoToStdoutAndSucceed) {
    const TemporaryDirectory directory;
    const Finished help = run(broker_command({"--help"}, directory));
    EXPECT_EQ(help.ended, (Ended{0, 0}));
    for (const char* flag : {"--bind", "--tlscert", "--tlskey", "--endpoint", "--auth",
                             "--exporter", "--name", "--debug"})
        EXPECT_THAT(help.out, HasSubstr(flag));
    EXPECT_EQ(help.err, "");
    const Finished version = run(broker_command({"--version"}, directory));
    EXPECT_EQ(version.ended, (Ended{0, 0}));
    EXPECT_THAT(version.out, HasSubstr("hpfeeds-broker"));
}

TEST(StartAndStop, TheDefaultDatabaseIsMadeInTheWorkingDirectory) {
    const BrokerProcess broker({.keys = {}});
    EXPECT_TRUE(std::filesystem::exists(broker.directory().path() / "sqlite.db"));
}

// ---- how it ends ----

class StopSignal : public testing::TestWithParam<int> {};

TEST_P(StopSignal, EndsTheBrokerWithStatusZeroAlthoughClientsAreConnected) {
    // A grace that outlasts every deadline here: the broker must end because all is done, not
    // because time is up.
    BrokerProcess broker({.arguments = {"--threads", "2", "--shutdown-grace", "10m"}});
    WireClient silent(broker.address());
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient refused(broker.address(), Login{"sensor", "wrong"});
    EXPECT_EQ(broker.stop(GetParam()), 0);
    listener.expect_closed();
    silent.expect_info();
    silent.expect_closed();
    EXPECT_THROW(WireClient(broker.address()), std::exception);
}

INSTANTIATE_TEST_SUITE_P(StartAndStop, StopSignal, testing::Values(SIGTERM, SIGINT),
                         [](const auto& signal) {
                             return std::string(signal.param == SIGTERM ? "SIGTERM" : "SIGINT");
                         });

TEST(StartAndStop, WhatIsQueuedIsHandedOutBeforeTheEnd) {
    BrokerProcess broker({.arguments = {"--shutdown-grace", "10m"}});
    WireClient listener(broker.address(), logger, 4096);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(), sensor);
    const std::string payload(100'000, 'p');
    for (int number = 0; number < 100; ++number)
        publisher.publish("events", std::to_string(number) + payload);
    publisher.settle();
    broker.process().signal(SIGTERM);
    for (int number = 0; number < 100; ++number)
        listener.expect_message({"sensor", "events", std::to_string(number) + payload});
    listener.expect_closed();
    EXPECT_EQ(broker.process().wait(), (Ended{0, 0}));
}

TEST(StartAndStop, AReaderThatNeverReadsDoesNotKeepTheBrokerFromEnding) {
    BrokerProcess broker({.arguments = {"--shutdown-grace", "200ms"}});
    WireClient stalled(broker.address(), logger, 4096);
    stalled.subscribe("events");
    stalled.settle();
    WireClient publisher(broker.address(), sensor);
    for (int count = 0; count < 100; ++count)
        publisher.publish("events", std::string(100'000, 'p'));
    publisher.settle();
    EXPECT_EQ(broker.stop(), 0);
}

// What they have not read lies in memory of the publisher's shard.
TEST(StartAndStop, ReadersOfSeveralShardsThatNeverReadDoNotEither) {
    BrokerProcess broker({.arguments = {"--shutdown-grace", "200ms", "--threads", "2"}});
    std::deque<WireClient> stalled;
    for (int count = 0; count < 4; ++count) {
        stalled.emplace_back(broker.address(), logger, 4096);
        stalled.back().subscribe("events");
        stalled.back().settle();
    }
    WireClient one(broker.address(), sensor);
    WireClient other(broker.address(), sensor);
    for (WireClient* publisher : {&one, &other}) {
        for (int count = 0; count < 2000; ++count)
            publisher->publish("events", std::string(10'000, 'p'));
        publisher->settle();
    }
    EXPECT_EQ(broker.stop(), 0);
}

TEST(StartAndStop, ASecondSignalEndsTheWaitingForReaders) {
    BrokerProcess broker({.arguments = {"--shutdown-grace", "10m"}});
    WireClient stalled(broker.address(), logger, 4096);
    stalled.subscribe("events");
    stalled.settle();
    WireClient publisher(broker.address(), sensor);
    for (int count = 0; count < 100; ++count)
        publisher.publish("events", std::string(100'000, 'p'));
    publisher.settle();
    broker.process().signal(SIGTERM);
    broker.wait_for_log({"stopping"});
    EXPECT_EQ(broker.stop(), 0);
}

// libmongoc makes one when it is loaded, and would leave it behind.
TEST(StartAndStop, AKilledBrokerLeavesNoFileInSharedMemory) {
    BrokerProcess broker;
    const std::string counters = "/dev/shm/mongoc-" + std::to_string(broker.pid());
    EXPECT_FALSE(std::filesystem::exists(counters));
}

}  // namespace
}  // namespace hpfeeds::support
