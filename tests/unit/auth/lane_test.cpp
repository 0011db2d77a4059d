// SPDX-License-Identifier: Apache-2.0
#include "auth/lane.hpp"

#include "unit/auth/account_builder.hpp"
#include "unit/auth/held_source.hpp"
#include "unit/auth/patience.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace hpfeeds::auth {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using tests::Bell;
using tests::HeldSource;
using tests::ScriptedSource;
using tests::shared_account_of;

constexpr milliseconds hours{7'200'000};

Errand errand_of(std::string_view ident, std::size_t stage = 0) {
    Errand errand;
    EXPECT_TRUE(errand.request.set_ident(ident));
    errand.stage = stage;
    return errand;
}

// What a lane answered, by ident.
class Answers {
public:
    Lane::Answered keeper() {
        return [this](Errand errand, Lookup lookup) {
            {
                const std::lock_guard lock(mutex_);
                const std::string ident(errand.request.ident());
                ++times_[ident];
                answers_[ident] = {std::move(errand), std::move(lookup)};
            }
            bell_.ring();
        };
    }
    std::pair<Errand, Lookup> of(const std::string& ident) {
        EXPECT_TRUE(bell_.wait_until([&] {
            const std::lock_guard lock(mutex_);
            return answers_.contains(ident);
        })) << "nobody answered "
            << ident;
        const std::lock_guard lock(mutex_);
        return answers_[ident];
    }
    int times(const std::string& ident) {
        const std::lock_guard lock(mutex_);
        return times_[ident];
    }

private:
    std::mutex mutex_;
    Bell bell_;
    std::map<std::string, std::pair<Errand, Lookup>> answers_;
    std::map<std::string, int> times_;
};

std::uint64_t count(const Lane& lane, Failure failure) {
    return lane.counts().store.failures[static_cast<std::size_t>(failure)];
}

// Asks again and again until the lane takes an errand.
void take_when_it_answers(Lane& lane, const std::string& ident) {
    const auto deadline = std::chrono::steady_clock::now() + tests::patience;
    for (Errand errand = errand_of(ident); lane.take(errand);) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        std::this_thread::yield();
    }
}

TEST(Lane, AnswersWithTheErrandThatWasTaken) {
    ScriptedSource source("s", [](std::string_view ident) {
        return Lookup::found(shared_account_of(std::string(ident)));
    });
    Answers answers;
    Lane lane(source, {.workers = 2, .queue_max = 8}, answers.keeper());
    Errand errand = errand_of("bob", 3);
    errand.request.session_index = 7;
    errand.unsure = true;
    ASSERT_FALSE(lane.take(errand));
    const auto [answered, lookup] = answers.of("bob");
    EXPECT_EQ(answered.stage, 3U);
    EXPECT_EQ(answered.request.session_index, 7U);
    EXPECT_TRUE(answered.unsure);
    ASSERT_EQ(lookup.status, Lookup::Status::found);
    EXPECT_EQ(lookup.account->ident, "bob");
    EXPECT_EQ(lane.counts().store.lookups, 1U);
}

TEST(Lane, RefusesWhenItsQueueIsFull) {
    HeldSource source;
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 1, .timeout = hours}, answers.keeper());
    Errand first = errand_of("in the worker");
    ASSERT_FALSE(lane.take(first));
    ASSERT_TRUE(source.wait_for(1));
    Errand second = errand_of("in the queue");
    ASSERT_FALSE(lane.take(second));
    Errand third = errand_of("too many", 5);
    EXPECT_EQ(lane.take(third), Failure::full);
    EXPECT_EQ(third.request.ident(), "too many");
    EXPECT_EQ(third.stage, 5U);
    EXPECT_EQ(count(lane, Failure::full), 1U);
    EXPECT_EQ(lane.counts().queue_length, 1U);
    source.let_go();
    EXPECT_EQ(answers.of("in the queue").second.status, Lookup::Status::absent);
}

TEST(Lane, ARecheckNeverTakesALoginsPlace) {
    HeldSource source;
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 1, .timeout = hours, .rechecks_max = 2},
              answers.keeper());
    const auto recheck_of = [](std::string_view ident) {
        Errand errand = errand_of(ident);
        errand.request.purpose = core::Purpose::recheck;
        return errand;
    };
    Errand first = errand_of("in the worker");
    ASSERT_FALSE(lane.take(first));
    ASSERT_TRUE(source.wait_for(1));
    for (const char* ident : {"live", "too"}) {
        Errand recheck = recheck_of(ident);
        EXPECT_FALSE(lane.take(recheck));
    }
    Errand refused = recheck_of("one too many");
    EXPECT_EQ(lane.take(refused), Failure::full);
    Errand login = errand_of("in the queue");
    EXPECT_FALSE(lane.take(login)) << "the rechecks have places of their own";
    Errand another = errand_of("too many");
    EXPECT_EQ(lane.take(another), Failure::full);
    source.let_go();
    for (const char* ident : {"live", "too", "in the queue"})
        EXPECT_EQ(answers.of(ident).second.status, Lookup::Status::absent);
    EXPECT_FALSE(lane.take(refused)) << "there is room again";
    EXPECT_EQ(answers.of("one too many").second.status, Lookup::Status::absent);
}

TEST(Lane, AFailureBeginsAnOutageThatRefusesAtOnce) {
    ScriptedSource source("s", [](std::string_view) {
        return Lookup::unavailable("connection refused", Failure::connection);
    });
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 8, .backoff = {hours, hours}}, answers.keeper());
    Errand errand = errand_of("bob");
    ASSERT_FALSE(lane.take(errand));
    EXPECT_EQ(answers.of("bob").second.failure, Failure::connection);
    EXPECT_TRUE(lane.counts().out);
    Errand next = errand_of("alice");
    EXPECT_EQ(lane.take(next), Failure::out);
    EXPECT_EQ(source.asked(), 1);
    EXPECT_EQ(count(lane, Failure::connection), 1U);
    EXPECT_EQ(count(lane, Failure::out), 1U);
}

TEST(Lane, FindsOutByItselfThatTheStoreAnswersAgain) {
    std::atomic<bool> broken{true};
    ScriptedSource source("s", [&](std::string_view) {
        return broken ? Lookup::unavailable("gone", Failure::connection) : Lookup::absent();
    });
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 8, .backoff = {milliseconds(1), milliseconds(1)}},
              answers.keeper());
    Errand errand = errand_of("bob");
    ASSERT_FALSE(lane.take(errand));
    EXPECT_EQ(answers.of("bob").second.status, Lookup::Status::unavailable);
    broken = false;
    take_when_it_answers(lane, "alice");
    EXPECT_EQ(answers.of("alice").second.status, Lookup::Status::absent);
    EXPECT_FALSE(lane.counts().out);
}

TEST(Lane, AKeyThatCannotBeReadIsNoOutage) {
    ScriptedSource source("s", [](std::string_view ident) {
        return ident == "broken" ? Lookup::unavailable("no list", Failure::row) : Lookup::absent();
    });
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 8}, answers.keeper());
    Errand errand = errand_of("broken");
    ASSERT_FALSE(lane.take(errand));
    EXPECT_EQ(answers.of("broken").second.failure, Failure::row);
    Errand next = errand_of("bob");
    ASSERT_FALSE(lane.take(next));
    EXPECT_EQ(answers.of("bob").second.status, Lookup::Status::absent);
    EXPECT_EQ(count(lane, Failure::row), 1U);
}

TEST(Lane, OneSlowLookUpAmongQuickOnesIsNoOutage) {
    HeldSource held;
    ScriptedSource source("s", [&](std::string_view ident) {
        return ident == "slow" ? held.find(ident) : Lookup::absent();
    });
    Answers answers;
    Lane lane(
        source,
        {.workers = 2, .queue_max = 8, .timeout = milliseconds(1'000), .backoff = {hours, hours}},
        answers.keeper());
    Errand slow = errand_of("slow");
    ASSERT_FALSE(lane.take(slow));
    for (int number = 0; answers.times("slow") == 0; ++number) {
        Errand quick = errand_of("quick" + std::to_string(number));
        ASSERT_FALSE(lane.take(quick)) << "the store counts as out";
        static_cast<void>(answers.of("quick" + std::to_string(number)));
    }
    EXPECT_EQ(answers.of("slow").second.failure, Failure::timeout);
    EXPECT_FALSE(lane.counts().out);
    EXPECT_EQ(count(lane, Failure::timeout), 1U);
    held.let_go();
}

TEST(Lane, AConnectionThatBreaksWhileOthersAreAnsweredIsNoOutage) {
    HeldSource held("held", Lookup::unavailable("broken pipe", Failure::connection));
    ScriptedSource source("s", [&](std::string_view ident) {
        if (ident == "later") return Lookup::absent();
        return held.find(ident);
    });
    Answers answers;
    Lane lane(source, {.workers = 2, .queue_max = 8, .timeout = hours, .backoff = {hours, hours}},
              answers.keeper());
    Errand unlucky = errand_of("unlucky");
    ASSERT_FALSE(lane.take(unlucky));
    ASSERT_TRUE(held.wait_for(1));
    Errand later = errand_of("later");
    ASSERT_FALSE(lane.take(later));
    EXPECT_EQ(answers.of("later").second.status, Lookup::Status::absent);
    held.let_go();
    EXPECT_EQ(answers.of("unlucky").second.failure, Failure::connection);
    EXPECT_FALSE(lane.counts().out);
    EXPECT_EQ(count(lane, Failure::connection), 1U);

    // Nobody was answered since this one began.
    Errand last = errand_of("last");
    ASSERT_FALSE(lane.take(last));
    EXPECT_EQ(answers.of("last").second.failure, Failure::connection);
    EXPECT_TRUE(lane.counts().out);
}

TEST(Lane, AnswersForAStoreThatHangs) {
    HeldSource source("frozen");
    Answers answers;
    Lane lane(source,
              {.workers = 2, .queue_max = 8, .timeout = milliseconds(1), .backoff = {hours, hours}},
              answers.keeper());
    Errand errand = errand_of("bob");
    ASSERT_FALSE(lane.take(errand));
    const auto [answered, lookup] = answers.of("bob");
    EXPECT_EQ(lookup.status, Lookup::Status::unavailable);
    EXPECT_EQ(lookup.failure, Failure::timeout);
    EXPECT_THAT(lookup.reason, HasSubstr("frozen: no answer within 1 ms"));
    Errand next = errand_of("alice");
    EXPECT_EQ(lane.take(next), Failure::out);
    source.let_go();
    lane.stop();
    EXPECT_EQ(answers.times("bob"), 1);
}

TEST(Lane, PassesOnWhoWaitsWhenAllItsWorkersAreStuck) {
    HeldSource source;
    Answers answers;
    Lane lane(
        source,
        {.workers = 1, .queue_max = 8, .timeout = milliseconds(200), .backoff = {hours, hours}},
        answers.keeper());
    Errand first = errand_of("in the worker");
    ASSERT_FALSE(lane.take(first));
    ASSERT_TRUE(source.wait_for(1));
    Errand second = errand_of("in the queue");
    const bool taken = !lane.take(second);
    EXPECT_EQ(answers.of("in the worker").second.failure, Failure::timeout);
    // On a machine that stood still for the timeout there was no time to queue up in.
    if (taken) {
        EXPECT_EQ(answers.of("in the queue").second.failure, Failure::out);
    }
    EXPECT_EQ(source.asked(), 1);
    source.let_go();
}

TEST(Lane, UsesAWorkerAgainThatComesBack) {
    HeldSource source;
    Answers answers;
    Lane lane(source,
              {.workers = 1,
               .queue_max = 8,
               .timeout = milliseconds(1),
               .backoff = {milliseconds(1), milliseconds(1)}},
              answers.keeper());
    Errand errand = errand_of("bob");
    ASSERT_FALSE(lane.take(errand));
    EXPECT_EQ(answers.of("bob").second.failure, Failure::timeout);
    source.let_go_with(Lookup::found(shared_account_of("alice")));
    take_when_it_answers(lane, "alice");
    EXPECT_EQ(answers.of("alice").second.status, Lookup::Status::found);
    EXPECT_EQ(answers.times("bob"), 1);
}

TEST(Lane, ChecksTheStoreBeforeAnybodyAsks) {
    ScriptedSource source("s", [&](std::string_view ident) {
        EXPECT_EQ(ident, "");
        return Lookup::unavailable("no such table");
    });
    Answers answers;
    Lane lane(source,
              {.workers = 1, .queue_max = 8, .check_at_start = true, .backoff = {hours, hours}},
              answers.keeper());
    // The lane tells nobody of an answer to its own question.
    const auto deadline = std::chrono::steady_clock::now() + tests::patience;
    while (!lane.counts().out && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_TRUE(lane.counts().out);
    EXPECT_EQ(lane.counts().store.lookups, 1U);
    lane.stop();
    EXPECT_EQ(source.asked(), 1);
    EXPECT_EQ(answers.times(""), 0);
}

TEST(Lane, HasAnsweredOnceTheStoreDidAndStaysSo) {
    std::atomic<bool> works = false;
    ScriptedSource source("s", [&](std::string_view) {
        return works ? Lookup::absent() : Lookup::unavailable("no such table");
    });
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 8, .backoff = {hours, hours}}, answers.keeper());
    EXPECT_FALSE(lane.counts().answered);
    works = true;
    Errand first = errand_of("first");
    ASSERT_EQ(lane.take(first), std::nullopt);
    answers.of("first");
    EXPECT_TRUE(lane.counts().answered);
    works = false;
    Errand second = errand_of("second");
    ASSERT_EQ(lane.take(second), std::nullopt);
    answers.of("second");
    EXPECT_TRUE(lane.counts().out);
    EXPECT_TRUE(lane.counts().answered) << "it did";
}

TEST(Lane, TellsWhenItsStoreWasAskedAtTheStart) {
    HeldSource source;
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 8, .timeout = hours, .check_at_start = true},
              answers.keeper());
    ASSERT_TRUE(source.wait_for(1));
    EXPECT_FALSE(lane.was_asked());
    source.let_go();
    while (!lane.was_asked())
        std::this_thread::yield();
    const Lane unasked(source, {.workers = 1, .queue_max = 8}, answers.keeper());
    EXPECT_TRUE(unasked.was_asked());
}

TEST(Lane, StopDropsWhatWaitsAndTheAnswerUnderWay) {
    HeldSource source;
    Answers answers;
    Lane lane(source, {.workers = 1, .queue_max = 8, .timeout = hours}, answers.keeper());
    for (const char* ident : {"in the worker", "in the queue"}) {
        Errand errand = errand_of(ident);
        ASSERT_FALSE(lane.take(errand));
    }
    ASSERT_TRUE(source.wait_for(1));
    std::thread stopper([&] { lane.stop(); });
    // A lane that is being stopped takes nothing more: then the look-up may end.
    for (Errand late = errand_of("late"); lane.take(late) != Failure::out;) {
        late = errand_of("late");
        std::this_thread::yield();
    }
    source.let_go();
    stopper.join();
    EXPECT_EQ(source.asked(), 1);
    for (const char* ident : {"in the worker", "in the queue", "late"})
        EXPECT_EQ(answers.times(ident), 0) << ident;
}

}  // namespace
}  // namespace hpfeeds::auth
