// SPDX-License-Identifier: Apache-2.0
#include "auth/desk.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/account_builder.hpp"
#include "unit/auth/patience.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <map>
#include <mutex>

namespace hpfeeds::auth {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using tests::Bell;
using tests::message_of;
using tests::ScriptedSource;
using tests::shared_account_of;

Request request_of(std::string_view ident, std::uint32_t index = 0) {
    Request request;
    request.shard = 3;
    request.session_index = index;
    request.session_generation = 9;
    EXPECT_TRUE(request.set_ident(ident));
    return request;
}

// A source whose look-ups wait until they are let go.
class Gate {
public:
    void open() { opened_.set_value(); }
    Lookup pass(std::string_view) {
        entered.ring();
        opening_.wait();
        return Lookup::absent();
    }
    Bell entered;

private:
    std::promise<void> opened_;
    std::shared_future<void> opening_ = opened_.get_future().share();
};

TEST(Desk, AnswersWithTheSessionThatAsked) {
    ScriptedSource source("s", [](std::string_view ident) {
        return Lookup::found(shared_account_of(std::string(ident)));
    });
    std::promise<Answer> promise;
    Desk desk(source, 2, 8, [&](Answer answer) { promise.set_value(std::move(answer)); });
    ASSERT_TRUE(desk.submit(request_of("bob", 7)));
    std::future<Answer> future = promise.get_future();
    ASSERT_EQ(future.wait_for(tests::patience), std::future_status::ready);
    const Answer answer = future.get();
    EXPECT_EQ(answer.shard, 3U);
    EXPECT_EQ(answer.session_index, 7U);
    EXPECT_EQ(answer.session_generation, 9U);
    ASSERT_EQ(answer.lookup.status, Lookup::Status::found);
    EXPECT_EQ(answer.lookup.account->ident, "bob");
}

TEST(Desk, HandsTheIdentOverByteForByte) {
    const std::string hostile = "\0'; DROP TABLE authkeys; --\xFF\xFE\""s;
    std::promise<std::string> asked;
    ScriptedSource source("s", [&](std::string_view ident) {
        asked.set_value(std::string(ident));
        return Lookup::absent();
    });
    Desk desk(source, 1, 2, [](Answer) {});
    ASSERT_TRUE(desk.submit(request_of(hostile)));
    std::future<std::string> future = asked.get_future();
    ASSERT_EQ(future.wait_for(tests::patience), std::future_status::ready);
    EXPECT_EQ(future.get(), hostile);
}

TEST(Desk, RefusesWhenFullAndTakesAgainWhenThereIsRoom) {
    Gate gate;
    ScriptedSource source("s", [&](std::string_view ident) { return gate.pass(ident); });
    Bell answered;
    Desk desk(source, 1, 2, [&](Answer) { answered.ring(); });
    ASSERT_TRUE(desk.submit(request_of("in the worker")));
    ASSERT_TRUE(gate.entered.wait_until([&] { return source.asked() == 1; }));
    EXPECT_TRUE(desk.submit(request_of("first in the queue")));
    EXPECT_TRUE(desk.submit(request_of("second in the queue")));
    EXPECT_FALSE(desk.submit(request_of("too many")));
    EXPECT_EQ(desk.counts().refused_full, 1U);
    EXPECT_EQ(desk.counts().queue_length, 2U);
    gate.open();
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 3; }));
    EXPECT_EQ(desk.counts().queue_length, 0U);
    EXPECT_EQ(desk.counts().looked_up, 3U);
    EXPECT_TRUE(desk.submit(request_of("room again")));
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 4; }));
}

Request recheck_of(std::string_view ident) {
    Request request = request_of(ident);
    request.purpose = core::Purpose::recheck;
    return request;
}

TEST(Desk, ARecheckNeverTakesALoginsPlace) {
    Gate gate;
    ScriptedSource source("s", [&](std::string_view ident) { return gate.pass(ident); });
    Bell answered;
    std::atomic<int> rechecks{0};
    Desk desk(
        source, 1, 2,
        [&](Answer answer) {
            if (answer.purpose == core::Purpose::recheck) rechecks.fetch_add(1);
            answered.ring();
        },
        3);
    ASSERT_TRUE(desk.submit(request_of("in the worker")));
    ASSERT_TRUE(gate.entered.wait_until([&] { return source.asked() == 1; }));
    for (int number = 0; number < 3; ++number)
        EXPECT_TRUE(desk.submit(recheck_of("live")));
    EXPECT_FALSE(desk.submit(recheck_of("one too many")));
    EXPECT_EQ(desk.counts().refused_full, 0U) << "no login was refused";
    EXPECT_TRUE(desk.submit(request_of("first in the queue")));
    EXPECT_TRUE(desk.submit(request_of("second in the queue")));
    EXPECT_FALSE(desk.submit(request_of("too many")));
    EXPECT_EQ(desk.counts().refused_full, 1U);
    gate.open();
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 6; }));
    EXPECT_EQ(rechecks.load(), 3);
    EXPECT_TRUE(desk.submit(recheck_of("room again")));
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 7; }));
}

TEST(Desk, StopDropsWhatIsQueuedAndTheAnswerUnderWay) {
    Gate gate;
    ScriptedSource source("s", [&](std::string_view ident) { return gate.pass(ident); });
    std::atomic<int> answers{0};
    Desk desk(source, 1, 4, [&](Answer) { answers.fetch_add(1); });
    for (int number = 0; number < 4; ++number)
        ASSERT_TRUE(desk.submit(request_of("bob")));
    ASSERT_TRUE(gate.entered.wait_until([&] { return source.asked() == 1; }));
    std::thread stopper([&] { desk.stop(); });
    // A stopped desk refuses although it is not full: then stop() has begun, and the look-up may
    // end.
    for (std::uint64_t full_before = 1, full_after = 0; full_before != full_after;) {
        full_before = desk.counts().refused_full;
        const bool taken = desk.submit(request_of("late"));
        full_after = taken ? full_before + 1 : desk.counts().refused_full;
        std::this_thread::yield();
    }
    gate.open();
    stopper.join();
    EXPECT_EQ(answers.load(), 0);
    EXPECT_EQ(source.asked(), 1);
    EXPECT_FALSE(desk.submit(request_of("after the end")));
}

TEST(Desk, EndsWithNothingToDo) {
    ScriptedSource source("s", [](std::string_view) { return Lookup::absent(); });
    Desk desk(source, 4, 16, [](Answer) {});
    desk.stop();
    desk.stop();
    EXPECT_FALSE(desk.submit(request_of("bob")));
}

TEST(Desk, CountsTheTimeInTheQueue) {
    ScriptedSource source("s", [](std::string_view) { return Lookup::absent(); });
    Bell answered;
    Desk desk(source, 1, 4, [&](Answer) { answered.ring(); });
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    Request old = request_of("bob");
    old.opened_ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - 1'000);
    ASSERT_TRUE(desk.submit(request_of("uncounted")));
    ASSERT_TRUE(desk.submit(old));
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 2; }));
    const Desk::Counts counts = desk.counts();
    EXPECT_GE(counts.queued_ns_max, 1'000U);
    EXPECT_EQ(counts.queued_ns_sum, counts.queued_ns_max);
}

TEST(Desk, AnswersEveryRequestOfManyThreadsOnce) {
    constexpr std::uint32_t submitters = 4;
    constexpr std::uint32_t each = 2'000;
    ScriptedSource source("s", [](std::string_view) { return Lookup::absent(); });
    std::vector<std::atomic<int>> answers(submitters * each);
    std::atomic<std::uint32_t> answered{0};
    Bell bell;
    Desk desk(source, 3, 16, [&](Answer answer) {
        answers[answer.session_index].fetch_add(1);
        if (answered.fetch_add(1) + 1 == submitters * each) bell.ring();
    });
    std::vector<std::thread> threads;
    for (std::uint32_t submitter = 0; submitter < submitters; ++submitter)
        threads.emplace_back([&, submitter] {
            for (std::uint32_t number = 0; number < each; ++number)
                while (!desk.submit(request_of("bob", submitter * each + number)))
                    std::this_thread::yield();
        });
    for (std::thread& thread : threads)
        thread.join();
    ASSERT_TRUE(bell.wait_until([&] { return answered.load() == submitters * each; }));
    for (const std::atomic<int>& count : answers)
        ASSERT_EQ(count.load(), 1);
    EXPECT_EQ(desk.counts().looked_up, submitters * each);
}

TEST(Desk, RefusesSizesThatCannotWork) {
    ScriptedSource source("s", [](std::string_view) { return Lookup::absent(); });
    const auto build = [&](unsigned workers, std::size_t queue) {
        return message_of<Error>([&] { Desk(source, workers, queue, [](Answer) {}); });
    };
    EXPECT_THAT(build(0, 8), HasSubstr("1 to 64 workers"));
    EXPECT_THAT(build(65, 8), HasSubstr("not 65"));
    EXPECT_THAT(build(1, 1), HasSubstr("2 to 1048576 requests, not 1"));
    EXPECT_THAT(build(1, desk_queue_max + 1), HasSubstr("not 1048577"));
}

}  // namespace
}  // namespace hpfeeds::auth
