// SPDX-License-Identifier: Apache-2.0
// `hpfeeds bench` against the real broker: what it finds, and what it says when something is amiss.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <csignal>

#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

const Key meter{"meter",
                "secret",
                "o",
                {"load", "load.0", "load.1", "load.2"},
                {"load", "load.0", "load.1", "load.2", "secrets"}};

std::vector<Key> keys() {
    std::vector<Key> list = usual_keys();
    list.push_back(meter);
    return list;
}

Command bench(const BrokerProcess& broker, const std::vector<std::string>& more,
              const std::string& secret = "secret", const std::string& channel = "load") {
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
                     secret,
                     "-c",
                     channel};
    if (const auto& tls = broker.address().tls)
        command.words.insert(command.words.end(), {"--tlscert", tls->trusted_file});
    command.words.insert(command.words.end(), more.begin(), more.end());
    return command;
}

TEST(Bench, VerifiesEveryDelivery) {
    const BrokerProcess broker({.keys = keys()});
    const Finished done = run(bench(broker, {"--publishers", "3", "--subscribers", "4", "--count",
                                             "2000", "--duration", "60", "--json"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr(R"("deliveries":24000,"lost":0,"duplicated":0,)"));
    EXPECT_THAT(done.out, HasSubstr(R"("out_of_order":0,"corrupt":0)"));
}

TEST(Bench, LosesNothingAcrossShards) {
    const BrokerProcess broker({.arguments = {"--threads", "2"}, .keys = keys()});
    const Finished done =
        run(bench(broker, {"--publishers", "4", "--subscribers", "6", "--count", "3000",
                           "--duration", "60", "--threads", "2", "--json"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr(R"("deliveries":72000,"lost":0,"duplicated":0,)"));
}

TEST(Bench, UsesChannelsInTurnAndSizesPerPublisher) {
    const BrokerProcess broker({.keys = keys()});
    const Finished done = run(bench(broker, {"--channels", "3", "--publishers", "2", "--size",
                                             "64,1000000", "--count", "60", "--duration", "60"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("3 channels"));
    EXPECT_THAT(done.out, HasSubstr("(64 bytes, as fast as the broker takes it)"));
    EXPECT_THAT(done.out, HasSubstr("verified    120 deliveries: 0 lost"));
}

// Plain, and over TLS.
class BenchOver : public testing::TestWithParam<std::string> {
protected:
    [[nodiscard]] static BrokerSetup setup(const std::vector<std::string>& arguments = {}) {
        return {.arguments = arguments, .endpoints = {GetParam()}, .keys = keys()};
    }
};

TEST_P(BenchOver, LateSubscribersAndQuietConnectionsLoseNothing) {
    const BrokerProcess broker(setup());
    const Finished done = run(bench(broker, {"--subscribers", "5", "--idle", "20", "--pause", "20",
                                             "--count", "5000", "--duration", "60"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("connected   26 connections"));
    EXPECT_THAT(done.out, HasSubstr("verified    25,000 deliveries: 0 lost"));
}

TEST_P(BenchOver, TellsOfStalledSubscribersThatAreCut) {
    const BrokerProcess broker(setup({"--slow-high-mark", "1M", "--max-queue", "2M"}));
    const Finished done = run(bench(broker, {"--stalled", "2", "--size", "10K", "--rate", "2000",
                                             "--count", "3000", "--duration", "60"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("0 lost"));
    EXPECT_THAT(broker.log(), HasSubstr("slow subscriber cut"));
}

INSTANTIATE_TEST_SUITE_P(Plain, BenchOver, testing::Values(any_port));
INSTANTIATE_TEST_SUITE_P(Tls, BenchOver, testing::Values(any_tls_port));

// ---- TLS

BrokerSetup encrypted(const std::vector<std::string>& arguments = {}) {
    return {.arguments = arguments, .endpoints = {any_tls_port}, .keys = keys()};
}

TEST(BenchTls, VerifiesEveryDelivery) {
    const BrokerProcess broker(encrypted());
    const Finished done = run(bench(broker, {"--publishers", "3", "--subscribers", "4", "--count",
                                             "2000", "--duration", "60", "--json"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr(R"("deliveries":24000,"lost":0,"duplicated":0,)"));
    EXPECT_THAT(done.out, HasSubstr(R"("out_of_order":0,"corrupt":0)"));
    EXPECT_THAT(done.out, HasSubstr(R"("tls":"TLSv1.3, )"));
}

// As fast as it goes: publishers are stopped with records that the system has not taken.
TEST(BenchTls, StopsInTheMiddleAndLosesNothing) {
    const BrokerProcess broker(encrypted({"--threads", "2"}));
    const Finished done = run(
        bench(broker, {"--publishers", "4", "--subscribers", "3", "--size", "100,64,1000000,5000",
                       "--threads", "2", "--warmup", "0", "--duration", "0.5"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("deliveries: 0 lost, 0 duplicated, 0 out of order, 0 corrupt"));
    EXPECT_THAT(done.out, HasSubstr("encrypted   TLSv1.3, "));
}

TEST(BenchTls, AWrongSecretIsToldInTheBrokersWords) {
    const BrokerProcess broker(encrypted());
    const Finished done = run(bench(broker, {}, "wrong"));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("Authentication failed for meter"));
}

TEST(BenchTls, ACertificateThatIsNotTrustedEndsIt) {
    const BrokerProcess broker(encrypted());
    Command command = bench(broker, {});
    command.words.resize(command.words.size() - 2);  // without --tlscert
    command.words.emplace_back("--tls");
    const Finished done = run(command);
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("the broker's certificate is not trusted"));
    EXPECT_EQ(done.out, "");
}

TEST(BenchTls, APlainPortIsNamedAsTheReason) {
    if (over_tls()) GTEST_SKIP() << "there is no plain endpoint";
    const BrokerProcess broker({.keys = keys()});
    const Finished done = run(bench(broker, {"--tls"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("(does this port speak TLS?)"));
}

TEST(Bench, AWrongSecretIsToldInTheBrokersWords) {
    const BrokerProcess broker({.keys = keys()});
    const Finished done = run(bench(broker, {}, "wrong"));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("the broker refused a "));
    EXPECT_THAT(done.err, HasSubstr("Authentication failed for meter"));
    EXPECT_EQ(done.out, "");
}

TEST(Bench, AMissingRightIsToldInTheBrokersWords) {
    const BrokerProcess broker({.keys = keys()});
    const Finished done = run(bench(broker, {}, "secret", "secrets"));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("Authkey not allowed to pub here. ident=meter, chan=secrets"));
}

// The load is known to run when another subscriber hears it.
TEST(Bench, ABrokerThatGoesAwayEndsItWithAReport) {
    BrokerProcess broker({.keys = keys()});
    WireClient listener(broker.address(), Login{"meter", "secret"});
    listener.subscribe("load");
    Process running(bench(broker, {"--rate", "100", "--duration", "600", "--warmup", "0"}));
    for (int heard = 0; heard < 20; ++heard)
        static_cast<void>(listener.expect_message());
    broker.stop();
    EXPECT_EQ(running.wait(), (Ended{1, 0}));
    EXPECT_THAT(running.err().text(), HasSubstr("lost the connection of a "));
    EXPECT_THAT(running.out().text(), HasSubstr("verified "));
}

TEST(Bench, CtrlCEndsItWithAReport) {
    const BrokerProcess broker({.keys = keys()});
    WireClient listener(broker.address(), Login{"meter", "secret"});
    listener.subscribe("load");
    Process running(bench(broker, {"--rate", "100", "--duration", "600", "--warmup", "0"}));
    for (int heard = 0; heard < 20; ++heard)
        static_cast<void>(listener.expect_message());
    running.signal(SIGINT);
    EXPECT_EQ(running.wait(), (Ended{0, 0}));
    EXPECT_THAT(running.out().text(), HasSubstr(" 0 lost"));
}

}  // namespace
}  // namespace hpfeeds::support
