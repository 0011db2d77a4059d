// SPDX-License-Identifier: Apache-2.0
#include "log/log.hpp"

#include "log/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::log {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Log : public testing::Test {
protected:
    ~Log() override { stop(); }

    // Only the writer thread touches lines_ until stop() has joined it.
    Output capture() {
        return [this](std::string_view line) { lines_.emplace_back(line); };
    }
    const std::vector<std::string>& lines() {
        stop();
        return lines_;
    }

    std::vector<std::string> lines_;
};

TEST_F(Log, DropsLinesUntilItIsStarted) {
    EXPECT_FALSE(enabled(Level::error));
    write(Level::error, "too early");
    start(Level::debug, Format::text, capture());
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(Log, WritesInOrderAndStopFlushes) {
    start(Level::info, Format::text, capture());
    info("first", {{"count", 1}});
    error("second", {{"count", 2}});
    EXPECT_THAT(lines(),
                ElementsAre(EndsWith(" info first count=1"), EndsWith(" error second count=2")));
}

TEST_F(Log, WritesNothingBelowItsLevel) {
    start(Level::warning, Format::text, capture());
    EXPECT_FALSE(enabled(Level::debug));
    EXPECT_FALSE(enabled(Level::info));
    EXPECT_TRUE(enabled(Level::warning));
    EXPECT_TRUE(enabled(Level::error));
    info("chatter");
    write(Level::debug, "chatter");
    warning("careful");
    EXPECT_THAT(lines(), ElementsAre(EndsWith(" warning careful")));
}

TEST_F(Log, WritesJsonWhenAsked) {
    start(Level::info, Format::json, capture());
    info("listening", {{"endpoint", "tcp:port=20000"}});
    ASSERT_THAT(lines(), SizeIs(1));
    const auto object = nlohmann::json::parse(lines_[0]);
    EXPECT_EQ(object.at("event"), "listening");
    EXPECT_EQ(object.at("endpoint"), "tcp:port=20000");
}

TEST_F(Log, IsSilentAfterStop) {
    start(Level::debug, Format::text, capture());
    stop();
    EXPECT_FALSE(enabled(Level::error));
    error("too late");
    EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(Log, MayBeStartedAgain) {
    start(Level::info, Format::text, capture());
    info("one");
    start(Level::error, Format::text, capture());
    info("not this");
    error("two");
    stop();
    start(Level::info, Format::text, capture());
    info("three");
    EXPECT_THAT(lines(), ElementsAre(EndsWith("one"), EndsWith("two"), EndsWith("three")));
}

TEST_F(Log, StopWithoutStartDoesNothing) {
    stop();
    stop();
    EXPECT_FALSE(enabled(Level::error));
}

TEST_F(Log, KeepsTheNewestLinesWhenFullAndTellsHowManyWereLost) {
    std::promise<void> entered;
    std::promise<void> released;
    bool first = true;
    start(Level::info, Format::text, [&](std::string_view line) {
        if (std::exchange(first, false)) {
            entered.set_value();
            released.get_future().wait();
        }
        lines_.emplace_back(line);
    });
    info("stuck");
    entered.get_future().wait();  // the queue is empty now, and its writer busy
    constexpr std::size_t too_many = 10;
    for (std::size_t index = 0; index < queue_lines_max + too_many; ++index)
        info("line", {{"index", std::uint64_t{index}}});
    released.set_value();

    ASSERT_THAT(lines(), SizeIs(1 + 1 + queue_lines_max));
    EXPECT_THAT(lines_[0], EndsWith("stuck"));
    EXPECT_THAT(lines_[1], EndsWith("warning log lines lost, the queue was full lines=10"));
    EXPECT_THAT(lines_[2], EndsWith("index=10"));
    EXPECT_THAT(lines_.back(), EndsWith("index=" + std::to_string(queue_lines_max + too_many - 1)));
}

TEST_F(Log, TakesLinesFromManyThreads) {
    start(Level::info, Format::text, capture());
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([] {
                for (int line = 0; line < 100; ++line)
                    info("busy");
            });
    }
    EXPECT_THAT(lines(), SizeIs(400));
}

TEST_F(Log, MayBeStoppedWhileOthersWrite) {
    start(Level::info, Format::text, capture());
    std::promise<void> begun;
    std::jthread writer([&](const std::stop_token& token) {
        info("busy");
        begun.set_value();
        while (!token.stop_requested())
            info("busy");
    });
    begun.get_future().wait();
    const std::size_t count = lines().size();
    writer.request_stop();
    writer.join();
    EXPECT_GE(count, 1u);
    EXPECT_EQ(lines_.size(), count) << "nothing may be written after stop()";
}

TEST_F(Log, WritesToStderrWhole) {
    testing::internal::CaptureStderr();
    start(Level::info, Format::text);
    info("one", {{"value", "a\nb"}});
    info("two");
    stop();
    const std::string written = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 2);
    EXPECT_THAT(written, HasSubstr("info one value=\"a\\x0ab\"\n"));
    EXPECT_THAT(written, EndsWith("info two\n"));
}

TEST(RateLimit, AdmitsItsBurstInEverySecond) {
    RateLimit limit(3);
    for (const std::uint64_t second : {100u, 101u}) {
        for (int line = 0; line < 3; ++line)
            EXPECT_TRUE(limit.admit(second));
        EXPECT_FALSE(limit.admit(second));
    }
}

TEST(RateLimit, AdmitsItsBurstInTheClocksFirstSecond) {
    RateLimit limit(1);
    EXPECT_TRUE(limit.admit(0));
    EXPECT_FALSE(limit.admit(0));
}

TEST(RateLimit, CountsWhatItHeldBackOnce) {
    RateLimit limit(1);
    EXPECT_TRUE(limit.admit(5));
    EXPECT_FALSE(limit.admit(5));
    EXPECT_FALSE(limit.admit(5));
    EXPECT_TRUE(limit.admit(6));
    EXPECT_EQ(limit.take_held_back(), 2u);
    EXPECT_EQ(limit.take_held_back(), 0u);
}

}  // namespace
}  // namespace hpfeeds::log
