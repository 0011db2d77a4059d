// SPDX-License-Identifier: Apache-2.0
#include "auth/desk.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/account_builder.hpp"
#include "unit/auth/held_source.hpp"
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
using tests::HeldSource;
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

constexpr std::chrono::milliseconds hours{7'200'000};

TEST(Desk, AnswersWithTheSessionThatAsked) {
    ScriptedSource source("s", [](std::string_view ident) {
        return Lookup::found(shared_account_of(std::string(ident)));
    });
    std::promise<Answer> promise;
    Desk desk({&source}, {.workers = 2, .queue_max = 8},
              [&](Answer answer) { promise.set_value(std::move(answer)); });
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
    Desk desk({&source}, {.workers = 1, .queue_max = 2}, [](Answer) {});
    ASSERT_TRUE(desk.submit(request_of(hostile)));
    std::future<std::string> future = asked.get_future();
    ASSERT_EQ(future.wait_for(tests::patience), std::future_status::ready);
    EXPECT_EQ(future.get(), hostile);
}

// What a desk answered to one ident after the other.
class Questions {
public:
    Questions(std::vector<AccountSource*> sources, const Desk::Options& options)
        : desk(std::move(sources), options, [this](Answer answer) {
              {
                  const std::lock_guard lock(mutex_);
                  answers_[answer.session_index] = std::move(answer.lookup);
              }
              bell_.ring();
          }) {}

    std::uint32_t submit(std::string_view ident) {
        EXPECT_TRUE(desk.submit(request_of(ident, ++asked_)));
        return asked_;
    }
    Lookup answer_to(std::uint32_t number) {
        EXPECT_TRUE(bell_.wait_until([&] { return answered(number); })) << "no answer";
        const std::lock_guard lock(mutex_);
        return answers_[number];
    }
    Lookup ask(std::string_view ident) { return answer_to(submit(ident)); }
    bool answered(std::uint32_t number) {
        const std::lock_guard lock(mutex_);
        return answers_.contains(number);
    }

private:
    std::mutex mutex_;
    Bell bell_;
    std::map<std::uint32_t, Lookup> answers_;
    std::uint32_t asked_ = 0;

public:
    Desk desk;  // last: it uses all of the above
};

Lookup absent(std::string_view) {
    return Lookup::absent();
}
Lookup broken(std::string_view) {
    return Lookup::unavailable("the disk is on fire");
}
Lookup unreadable(std::string_view) {
    return Lookup::unavailable("no list", Failure::row);
}
Lookup found(std::string_view ident) {
    return Lookup::found(shared_account_of(std::string(ident)));
}

TEST(Desk, TheFirstStoreThatKnowsTheIdentDecides) {
    for (const bool memory : {false, true}) {
        ScriptedSource first("first", absent, memory);
        ScriptedSource second("second", found, memory);
        ScriptedSource third("third", found, memory);
        Questions questions({&first, &second, &third}, {});
        EXPECT_EQ(questions.ask("bob").status, Lookup::Status::found);
        EXPECT_EQ(first.asked(), 1);
        EXPECT_EQ(second.asked(), 1);
        EXPECT_EQ(third.asked(), 0);
    }
}

TEST(Desk, AllAbsentIsAbsent) {
    ScriptedSource first("first", absent);
    ScriptedSource second("second", absent, true);
    Questions questions({&first, &second}, {});
    EXPECT_EQ(questions.ask("bob").status, Lookup::Status::absent);
    EXPECT_EQ(Questions({}, {}).ask("bob").status, Lookup::Status::absent);
}

TEST(Desk, PassesOverAStoreThatCannotTell) {
    for (const bool memory : {false, true}) {
        ScriptedSource first("first", broken, memory);
        ScriptedSource second("second", found, memory);
        Questions questions({&first, &second}, {});
        EXPECT_EQ(questions.ask("bob").status, Lookup::Status::found);
        const Desk::Counts counts = questions.desk.counts();
        ASSERT_EQ(counts.stores.size(), 2U);
        EXPECT_EQ(counts.stores[0].name, "first");
        EXPECT_EQ(counts.stores[0].store.failures[static_cast<std::size_t>(Failure::store)], 1U);
        EXPECT_EQ(counts.stores[0].out, !memory);
        EXPECT_EQ(counts.stores[1].store.lookups, 1U);
    }
}

TEST(Desk, NeverCallsAnUnknownStateAbsent) {
    ScriptedSource first("first", broken, true);
    ScriptedSource second("second", absent);
    ScriptedSource third("third", unreadable);
    Questions questions({&first, &second, &third}, {});
    const Lookup lookup = questions.ask("bob");
    EXPECT_EQ(lookup.status, Lookup::Status::unavailable);
    EXPECT_EQ(lookup.reason, "the disk is on fire; no list");
    ScriptedSource out("out", broken);
    Questions again({&out}, {.backoff = {hours, hours}});
    EXPECT_EQ(again.ask("bob").status, Lookup::Status::unavailable);
    EXPECT_EQ(again.ask("bob").reason, "out: out");
}

TEST(Desk, AFrozenStoreHoldsUpOnlyThoseWhoMustAskIt) {
    HeldSource frozen;
    const auto knows_bob = [](std::string_view ident) {
        return ident == "bob" ? found(ident) : Lookup::absent();
    };
    ScriptedSource memory("users.json", knows_bob, true);
    ScriptedSource quick("quick.db", [](std::string_view ident) {
        return ident == "alice" ? found(ident) : Lookup::absent();
    });
    Questions questions({&memory, &quick, &frozen},
                        {.workers = 2, .queue_max = 64, .timeout = hours});
    std::vector<std::uint32_t> held;
    for (int number = 0; number < 20; ++number)
        held.push_back(questions.submit("carol"));
    ASSERT_TRUE(frozen.wait_for(2));
    EXPECT_EQ(questions.ask("bob").status, Lookup::Status::found);
    EXPECT_EQ(questions.ask("alice").status, Lookup::Status::found);
    for (const std::uint32_t number : held)
        EXPECT_FALSE(questions.answered(number));
    frozen.let_go_with(Lookup::found(shared_account_of("carol")));
    for (const std::uint32_t number : held)
        EXPECT_EQ(questions.answer_to(number).status, Lookup::Status::found);
}

TEST(Desk, AFrozenStoreInFrontDelaysByItsTimeoutThenNotAtAll) {
    HeldSource frozen;
    ScriptedSource memory("users.json", found, true);
    Questions questions({&frozen, &memory}, {.workers = 2,
                                             .queue_max = 64,
                                             .timeout = std::chrono::milliseconds(1),
                                             .backoff = {hours, hours}});
    EXPECT_EQ(questions.ask("bob").status, Lookup::Status::found);
    EXPECT_EQ(questions.ask("alice").status, Lookup::Status::found);
    EXPECT_EQ(frozen.asked(), 1);
    frozen.let_go();
}

TEST(Desk, RefusesWhenFullAndTakesAgainWhenThereIsRoom) {
    HeldSource source;
    // The front works as fast as we do, so a full ring is a matter of luck; a lane's queue is not.
    Questions questions({&source}, {.workers = 1, .queue_max = 2, .timeout = hours});
    const std::uint32_t in_the_worker = questions.submit("in the worker");
    ASSERT_TRUE(source.wait_for(1));
    std::vector<std::uint32_t> asked{in_the_worker};
    for (int number = 0; number < 3; ++number) {
        Request request = request_of("bob", 100U + static_cast<std::uint32_t>(number));
        while (!questions.desk.submit(request))
            std::this_thread::yield();
    }
    EXPECT_EQ(questions.answer_to(102).status, Lookup::Status::unavailable);
    EXPECT_EQ(questions.answer_to(102).reason, "held: full");
    EXPECT_EQ(questions.desk.counts().queue_length, 2U);
    source.let_go();
    EXPECT_EQ(questions.answer_to(101).status, Lookup::Status::absent);
    EXPECT_EQ(questions.ask("room again").status, Lookup::Status::absent);
}

TEST(Desk, CountsARefusalWhenTheRingIsFull) {
    // A source in memory that hangs holds the front itself.
    HeldSource held("held", Lookup::absent());
    ScriptedSource source(
        "s", [&](std::string_view ident) { return held.find(ident); }, true);
    Bell answered;
    Desk desk({&source}, {.workers = 1, .queue_max = 2}, [&](Answer) { answered.ring(); });
    ASSERT_TRUE(desk.submit(request_of("in front")));
    ASSERT_TRUE(held.wait_for(1));
    EXPECT_TRUE(desk.submit(request_of("first in the ring")));
    EXPECT_TRUE(desk.submit(request_of("second in the ring")));
    EXPECT_FALSE(desk.submit(request_of("too many")));
    EXPECT_EQ(desk.counts().refused_full, 1U);
    EXPECT_EQ(desk.counts().queue_length, 2U);
    held.let_go();
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 3; }));
    EXPECT_EQ(desk.counts().looked_up, 3U);
}

Request recheck_of(std::string_view ident) {
    Request request = request_of(ident);
    request.purpose = core::Purpose::recheck;
    return request;
}

TEST(Desk, ARecheckNeverTakesALoginsPlaceInFront) {
    HeldSource held("held", Lookup::absent());
    ScriptedSource source(
        "s", [&](std::string_view ident) { return held.find(ident); }, true);
    Bell answered;
    std::atomic<int> rechecks{0};
    Desk desk({&source}, {.workers = 1, .queue_max = 2, .rechecks_max = 3}, [&](Answer answer) {
        if (answer.purpose == core::Purpose::recheck) rechecks.fetch_add(1);
        answered.ring();
    });
    ASSERT_TRUE(desk.submit(request_of("in front")));
    ASSERT_TRUE(held.wait_for(1));
    for (int number = 0; number < 3; ++number)
        EXPECT_TRUE(desk.submit(recheck_of("live")));
    EXPECT_FALSE(desk.submit(recheck_of("one too many")));
    EXPECT_EQ(desk.counts().refused_full, 0U) << "no login was refused";
    EXPECT_TRUE(desk.submit(request_of("first in the ring")));
    EXPECT_TRUE(desk.submit(request_of("second in the ring")));
    EXPECT_FALSE(desk.submit(request_of("too many")));
    EXPECT_EQ(desk.counts().refused_full, 1U);
    held.let_go();
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 6; }));
    EXPECT_EQ(rechecks.load(), 3);
    EXPECT_TRUE(desk.submit(recheck_of("room again")));
    ASSERT_TRUE(answered.wait_until([&] { return answered.rung() == 7; }));
}

TEST(Desk, MarksWhatIsFoundBehindAStoreThatCouldNotTell) {
    for (const bool memory : {false, true}) {
        ScriptedSource out("out", broken, memory);
        ScriptedSource quiet("quiet", absent, memory);
        ScriptedSource knows("knows", found, memory);
        EXPECT_TRUE(Questions({&quiet, &out, &knows}, {}).ask("bob").degraded);
        EXPECT_FALSE(Questions({&quiet, &knows, &out}, {}).ask("bob").degraded);
    }
    // Not even asked, because it is known to be out.
    ScriptedSource out("out", broken);
    ScriptedSource knows("knows", found, true);
    Questions questions({&out, &knows}, {.backoff = {hours, hours}});
    EXPECT_TRUE(questions.ask("bob").degraded);
    EXPECT_TRUE(questions.ask("bob").degraded);
    EXPECT_EQ(out.asked(), 1);
}

TEST(Desk, StopDropsWhatIsQueuedAndTheAnswerUnderWay) {
    HeldSource source;
    std::atomic<int> answers{0};
    Desk desk({&source}, {.workers = 1, .queue_max = 8, .timeout = hours},
              [&](const Answer& answer) {
                  // Those that found no room any more are told so until the end.
                  if (answer.lookup.status != Lookup::Status::unavailable) answers.fetch_add(1);
              });
    for (int number = 0; number < 4; ++number)
        ASSERT_TRUE(desk.submit(request_of("bob")));
    ASSERT_TRUE(source.wait_for(1));
    std::thread stopper([&] { desk.stop(); });
    // A stopped desk refuses although it is not full: then stop() has begun, and the look-up may
    // end.
    for (std::uint64_t full_before = 1, full_after = 0; full_before != full_after;) {
        full_before = desk.counts().refused_full;
        const bool taken = desk.submit(request_of("late"));
        full_after = taken ? full_before + 1 : desk.counts().refused_full;
        std::this_thread::yield();
    }
    source.let_go();
    stopper.join();
    EXPECT_EQ(answers.load(), 0);
    EXPECT_FALSE(desk.submit(request_of("after the end")));
}

TEST(Desk, EndsWithNothingToDo) {
    ScriptedSource source("s", [](std::string_view) { return Lookup::absent(); });
    Desk desk({&source}, {}, [](Answer) {});
    desk.stop();
    desk.stop();
    EXPECT_FALSE(desk.submit(request_of("bob")));
}

TEST(Desk, AnswersEveryRequestOfManyThreadsOnce) {
    constexpr std::uint32_t submitters = 4;
    constexpr std::uint32_t each = 2'000;
    ScriptedSource source("s", [](std::string_view) { return Lookup::absent(); });
    std::vector<std::atomic<int>> answers(submitters * each);
    std::atomic<std::uint32_t> answered{0};
    Bell bell;
    Desk desk({&source}, {.workers = 3, .queue_max = 16}, [&](Answer answer) {
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
        return message_of<Error>(
            [&] { Desk({&source}, {.workers = workers, .queue_max = queue}, [](Answer) {}); });
    };
    EXPECT_THAT(build(0, 8), HasSubstr("1 to 64 workers"));
    EXPECT_THAT(build(65, 8), HasSubstr("not 65"));
    EXPECT_THAT(build(1, 0), HasSubstr("1 to 1048576 requests, not 0"));
    EXPECT_THAT(build(1, desk_queue_max + 1), HasSubstr("not 1048577"));
}

}  // namespace
}  // namespace hpfeeds::auth
