// SPDX-License-Identifier: Apache-2.0
// `hpfeeds top` against the real broker, with and without a terminal.
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
using testing::Not;

std::string exporter_of(const BrokerProcess& broker) {
    return "127.0.0.1:" + broker.wait_for_log({"exporter listening"}).field("port");
}

Command top(const std::string& exporter, const std::vector<std::string>& more) {
    Command command;
    command.words = {
        command_line_client_binary(), "top", "--exporter", exporter, "--interval", "0.1"};
    command.words.insert(command.words.end(), more.begin(), more.end());
    return command;
}

BrokerSetup with_details() {
    return {.arguments = {"--exporter", "127.0.0.1:0", "--exporter-details"}};
}

TEST(Top, PrintsTheViewOnceWhereThereIsNoTerminal) {
    const BrokerProcess broker(with_details());
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    const Finished done = run(top(exporter_of(broker), {}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    for (const char* part : {"'hpfeeds'", "IDENT", "logger", "CHANNEL", "events"})
        EXPECT_THAT(done.out, HasSubstr(part));
    EXPECT_THAT(done.out, Not(HasSubstr("\x1b")));
}

TEST(Top, JsonIsALineForEachLook) {
    const BrokerProcess broker(with_details());
    Process watching(top(exporter_of(broker), {"--json"}));
    for (std::size_t line = 0; line < 3; ++line)
        ASSERT_TRUE(watching.out().wait_for_line(
            [](std::string_view text) { return text.starts_with("{\"broker\":\"hpfeeds\""); },
            Deadline{}, line));
    watching.signal(SIGTERM);
    EXPECT_EQ(watching.wait(), (Ended{0, 0}));
}

TEST(Top, SaysWhatIsMissing) {
    const BrokerProcess plain({.arguments = {"--exporter", "127.0.0.1:0"}});
    Finished done = run(top(exporter_of(plain), {"--once"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("start the broker with --exporter-details"));
    std::string gone;
    {
        const BrokerProcess broker(with_details());
        gone = exporter_of(broker);
    }
    done = run(top(gone, {"--once"}));
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("cannot ask the exporter " + gone));
    EXPECT_EQ(run(top("nonsense", {})).ended, (Ended{2, 0}));
}

TEST(Top, SurvivesAnExporterThatGoesAway) {
    Process* watching = nullptr;
    std::unique_ptr<Process> kept;
    {
        const BrokerProcess broker(with_details());
        kept = std::make_unique<Process>(top(exporter_of(broker), {"--json"}));
        watching = kept.get();
        ASSERT_TRUE(watching->out().wait_for_text("\"broker\""));
    }
    EXPECT_TRUE(watching->err().wait_for_text("still trying"));
    EXPECT_TRUE(watching->running());
    watching->signal(SIGINT);
    EXPECT_EQ(watching->wait(), (Ended{0, 0}));
}

// script(1) gives it a terminal; what it prints goes through.
TEST(Top, GivesTheTerminalBack) {
    const BrokerProcess broker(with_details());
    Command command;
    command.words = {
        "script", "-qec",
        command_line_client_binary() + " top --interval 0.1 --exporter " + exporter_of(broker),
        "/dev/null"};
    command.input = "sspq";
    const Finished done = run(command);
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.out;
    EXPECT_THAT(done.out, HasSubstr("\x1b[?1049h"));
    EXPECT_THAT(done.out, HasSubstr("q quit, s sort, p pause"));
    EXPECT_THAT(done.out, HasSubstr("\x1b[?25h\x1b[?1049l"));
}

}  // namespace
}  // namespace hpfeeds::support
