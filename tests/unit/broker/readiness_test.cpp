// SPDX-License-Identifier: Apache-2.0
#include "broker/readiness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace hpfeeds::broker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Status = metrics::Response::Status;

auth::Desk::StoreCounts store(std::string name, bool answered, bool out) {
    auth::Desk::StoreCounts counts;
    counts.name = std::move(name);
    counts.answered = answered;
    counts.out = out;
    return counts;
}

auth::Desk::Counts desk_of(std::vector<auth::Desk::StoreCounts> stores) {
    auth::Desk::Counts counts;
    counts.stores = std::move(stores);
    return counts;
}

TEST(Readiness, IsThereWhenTheShardsRunAndEveryStoreHasAnswered) {
    const auto answer = readiness(
        Phase::serving, desk_of({store("users.json", true, false), store("db", true, false)}));
    EXPECT_EQ(answer.status, Status::ok);
    EXPECT_THAT(answer.body, AllOf(StartsWith("ready\n"), Not(HasSubstr("not ready")),
                                   HasSubstr("ok         key store db: it answers\n")));
}

TEST(Readiness, IsNotThereBeforeTheStartNorFromTheEndOn) {
    const auto stores = desk_of({store("users.json", true, false)});
    const auto before = readiness(Phase::starting, stores);
    EXPECT_EQ(before.status, Status::unavailable);
    EXPECT_THAT(before.body,
                AllOf(StartsWith("not ready\n"), HasSubstr("listeners: the broker starts\n")));
    const auto after = readiness(Phase::draining, stores);
    EXPECT_EQ(after.status, Status::unavailable);
    EXPECT_THAT(after.body,
                AllOf(StartsWith("not ready\n"), HasSubstr("listeners: the broker stops;")));
}

TEST(Readiness, WaitsForTheFirstAnswerOfEveryStoreAndTellsWhatFailed) {
    auto silent = store("mysql", false, true);
    silent.store.failures[static_cast<std::size_t>(auth::Failure::timeout)] = 3;
    const auto answer =
        readiness(Phase::serving, desk_of({store("users.json", true, false), std::move(silent)}));
    EXPECT_EQ(answer.status, Status::unavailable);
    EXPECT_THAT(answer.body,
                HasSubstr("not ready  key store mysql: it has not answered since the start "
                          "(timeout 3); the log says why\n"));
    EXPECT_THAT(answer.body, HasSubstr("ok         key store users.json: it answers\n"));
}

TEST(Readiness, StaysWhenAStoreThatAnsweredBeforeGoesOut) {
    const auto answer = readiness(Phase::serving, desk_of({store("mysql", true, true)}));
    EXPECT_EQ(answer.status, Status::ok);
    EXPECT_THAT(answer.body,
                HasSubstr("note       key store mysql: it answered before and is out now;"));
}

}  // namespace
}  // namespace hpfeeds::broker
