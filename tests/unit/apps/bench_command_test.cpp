// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include "console_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::cli {
namespace {

using testing::CapturedConsole;
using ::testing::HasSubstr;

struct Ended {
    int status;
    std::string out;
    std::string err;
};

Ended bench(std::vector<std::string> words) {
    words.insert(words.begin(), {"bench", "-i", "me", "-s", "secret", "-p", "1", "-c", "test"});
    const CapturedConsole console;
    const int status = run(words, console.console());
    return {status, console.out(), console.err()};
}

struct Refused {
    std::vector<std::string> words;
    std::string why;
};

class BenchRefusal : public ::testing::TestWithParam<Refused> {};

TEST_P(BenchRefusal, IsOneLineAndStatusTwo) {
    const Ended ended = bench(GetParam().words);
    EXPECT_EQ(ended.status, exit_usage);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    Bench, BenchRefusal,
    ::testing::Values(
        Refused{{"--size", "23"}, "too small"},
        Refused{{"--size", "1M"}, "does not fit into a frame"},
        Refused{{"--size", "10X"}, "--size '10X' is not a size"},
        Refused{{"--size", "-1"}, "is not a size"},
        Refused{{"--rate", "fast"}, "--rate 'fast' is not a rate"},
        Refused{{"--rate", "-5"}, "is not a rate"}, Refused{{"--rate", "1,2"}, "give --publishers"},
        Refused{{"--size", "100,200,300", "--publishers", "2"}, "give --publishers"},
        Refused{{"--channels", "3", "-c", "more"}, "give -c once"},
        Refused{{"--tls", "--host", "unix:/run/broker.sock"}, "there is no TLS on a Unix socket"},
        Refused{{"--tlscert", "/nowhere/ca.pem"}, "--tlscert '/nowhere/ca.pem': No such file"},
        Refused{{"--publishers", "0"}, "--publishers"}, Refused{{"--duration", "0"}, "--duration"},
        Refused{{"--threads", "65"}, "--threads"},
        Refused{{"--broker-pid", "-3"}, "--broker-pid"}));

TEST(BenchCommand, SaysWhenNobodyListens) {
    const Ended ended = bench({"--host", "127.0.0.1"});
    EXPECT_EQ(ended.status, exit_failed);
    EXPECT_THAT(ended.err, HasSubstr("cannot connect a subscriber to 127.0.0.1:1: Connection "
                                     "refused"));
}

TEST(BenchCommand, SaysWhenWhomToTrustCannotBeRead) {
    const Ended ended = bench({"--host", "127.0.0.1", "--tlscert", "/dev/null"});
    EXPECT_EQ(ended.status, exit_failed);
    EXPECT_THAT(ended.err, HasSubstr("cannot read trusted certificates from '/dev/null'"));
    EXPECT_THAT(ended.err, HasSubstr("it must be a PEM file"));
}

TEST(BenchCommand, SaysWhenTheDescriptorsDoNotSuffice) {
    const Ended ended = bench({"--host", "127.0.0.1", "--idle", "1000000"});
    EXPECT_EQ(ended.status, exit_failed);
    EXPECT_THAT(ended.err, HasSubstr("raise it (ulimit -n)"));
}

TEST(BenchCommand, SaysWhenThereIsNoSuchBrokerProcess) {
    const Ended ended = bench({"--host", "127.0.0.1", "--broker-pid", "2147483647"});
    EXPECT_EQ(ended.status, exit_failed);
    EXPECT_THAT(ended.err, HasSubstr("there is no such process"));
}

TEST(BenchCommand, HelpHasExamples) {
    const Ended ended = bench({"--help"});
    EXPECT_EQ(ended.status, exit_done);
    EXPECT_THAT(ended.out, HasSubstr("hpfeeds bench -i me -s secret -c test --rate 200"));
}

}  // namespace
}  // namespace hpfeeds::cli
