// SPDX-License-Identifier: Apache-2.0
#include "bench_result.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace hpfeeds::cli::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BenchResult : public ::testing::Test {
protected:
    BenchResult() {
        options.client.channels = {"test"};
        result.connections = 2;
        result.seconds = 2;
        result.published = 2'469'134;
        result.delivered = 2'469'134;
        result.delivered_bytes = 2e8;
        result.deliveries = 3'000'000;
        result.latencies.push_back(std::make_unique<Histogram>());
        result.latencies[0]->add(1000);
    }
    BenchOptions options;
    Result result;
};

TEST_F(BenchResult, TellsRatesAndLatency) {
    const std::string text = text_report(options, result);
    EXPECT_THAT(text, HasSubstr("1 publisher -> 1 subscriber, 1 channel; 100 bytes"));
    EXPECT_THAT(text, HasSubstr("published   1,234,567 msg/s\n"));
    EXPECT_THAT(text, HasSubstr("delivered   1,234,567 msg/s, 100.0 MB/s\n"));
    EXPECT_THAT(text, HasSubstr("p50 1.0 us"));
    EXPECT_THAT(text, HasSubstr("3,000,000 deliveries: 0 lost"));
    EXPECT_THAT(text, Not(HasSubstr("per delivery")));
    EXPECT_TRUE(result.clean());
}

TEST_F(BenchResult, TellsTheBrokersCost) {
    options.broker_pid = 1;
    result.broker_cpu = 0.5;
    result.broker_resident_bytes = 3U << 20;
    EXPECT_THAT(text_report(options, result),
                HasSubstr("broker      0.50 of a core, 405 ns per delivery, 3.0 MiB resident\n"));
}

TEST_F(BenchResult, TellsHowItWasEncrypted) {
    EXPECT_THAT(text_report(options, result), Not(HasSubstr("encrypted")));
    EXPECT_THAT(json_report(options, result), Not(HasSubstr("tls")));
    result.tls = "TLSv1.3, TLS_AES_128_GCM_SHA256";
    EXPECT_THAT(text_report(options, result),
                HasSubstr("encrypted   TLSv1.3, TLS_AES_128_GCM_SHA256\n"));
    EXPECT_THAT(json_report(options, result),
                HasSubstr(R"("tls":"TLSv1.3, TLS_AES_128_GCM_SHA256")"));
}

TEST_F(BenchResult, WarnsOfABusyGeneratorAndOfNeighbours) {
    EXPECT_THAT(text_report(options, result), Not(HasSubstr("bottleneck")));
    options.broker_pid = 1;
    result.own_cpu = 0.99;
    result.others_cpu = 0.4;
    EXPECT_THAT(text_report(options, result), HasSubstr("bottleneck; try --threads 2"));
    EXPECT_THAT(text_report(options, result), HasSubstr("do not trust"));
}

TEST_F(BenchResult, TellsEveryKindOfPublisher) {
    options.publishers = 2;
    options.sizes = {1000, 64};
    options.rates = {0, 500};
    result.latencies.push_back(std::make_unique<Histogram>());
    result.latencies[1]->add(9'000);
    const std::string text = text_report(options, result);
    EXPECT_THAT(text, HasSubstr("(1,000 bytes, as fast as the broker takes it) p50 1.0 us"));
    EXPECT_THAT(text, HasSubstr("(64 bytes, 500 msg/s each) p50 9.0 us"));
}

TEST_F(BenchResult, IsNotCleanWhenAnythingIsAmiss) {
    for (std::uint64_t Result::*number :
         {&Result::lost, &Result::duplicated, &Result::reordered, &Result::corrupt}) {
        result.*number = 1;
        EXPECT_FALSE(result.clean());
        result.*number = 0;
    }
    result.failure = "lost the broker";
    EXPECT_FALSE(result.clean());
}

TEST_F(BenchResult, IsOneJsonObject) {
    options.broker_pid = 1;
    result.lost = 3;
    result.failure = "lost";
    const auto json = nlohmann::json::parse(json_report(options, result));
    EXPECT_EQ(json.at("published_per_second"), 1'234'567);
    EXPECT_EQ(json.at("lost"), 3);
    EXPECT_EQ(json.at("failure"), "lost");
    EXPECT_EQ(json.at("kinds").at(0).at("latency_us").at("p99"), 1.0);
    EXPECT_TRUE(json.contains("broker_cpu_ns_per_delivery"));
}

}  // namespace
}  // namespace hpfeeds::cli::bench
