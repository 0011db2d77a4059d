// SPDX-License-Identifier: Apache-2.0
// Sessions follow their key: what a change does to them, when the stores are asked, and what no
// answer means.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;
using Status = AccountAnswer::Status;

ShardOptions polling(std::chrono::milliseconds interval) {
    ShardOptions options;
    options.recheck_interval = interval;
    return options;
}

class ShardLiveTest : public ::testing::Test {
protected:
    ShardLiveTest() {
        engine.add_account(account("sensor", {"pub", "both"}, {"sub", "both"}));
        engine.add_account(account("other", {"pub", "both"}, {"sub", "both"}));
    }
    void change(std::vector<std::string> pubchans, std::vector<std::string> subchans,
                std::string secret = "secret") {
        engine.add_account(account("sensor", std::move(pubchans), std::move(subchans), secret));
        engine.tell_changed({"sensor"});
    }
    std::string last_words(std::size_t peer) {
        EXPECT_TRUE(engine.peer(peer).goodbye);
        return engine.take_heard(peer);
    }
    std::uint64_t changes(LiveChange change) {
        std::uint64_t sum = 0;
        for (unsigned i = 0; i < 2; ++i)
            sum += engine.shard(i)
                       .counters()
                       .shard.live_changes[static_cast<std::size_t>(change)]
                       .value();
        return sum;
    }
    std::uint64_t unanswered() {
        return engine.shard().counters().shard.rechecks_unanswered.value();
    }

    LoopbackEngine engine{{}, 2};
};

// ---- what a change does

TEST_F(ShardLiveTest, ARemovedKeyEndsAllItsSessions) {
    const std::size_t first = engine.login("sensor", 0);
    const std::size_t second = engine.login("sensor", 0);
    const std::size_t third = engine.login("sensor", 1);
    const std::size_t other = engine.login("other", 0);
    engine.remove_account("sensor");
    engine.tell_changed({"sensor"});
    for (const std::size_t peer : {first, second, third}) {
        EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
        EXPECT_TRUE(engine.peer(peer).goodbye);
    }
    EXPECT_EQ(engine.rechecks_asked, 2U) << "one look-up an ident and shard";
    EXPECT_EQ(changes(LiveChange::key_removed), 3U);
    const Incident& told = engine.incidents().back();
    EXPECT_EQ(told.reason, CloseReason::key_removed);
    EXPECT_EQ(told.ident, "sensor");
    EXPECT_EQ(engine.shard(0).live_keys().count(), 1U);
    EXPECT_EQ(engine.shard(1).live_keys().count(), 0U);
    engine.say(other, subscribe("other", "both") + publish("other", "both", "x"));
    EXPECT_EQ(engine.take_heard(other), publish("other", "both", "x"));
}

TEST_F(ShardLiveTest, AnotherSecretEndsTheSession) {
    const std::size_t peer = engine.login("sensor");
    change({"pub", "both"}, {"sub", "both"}, "another");
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    EXPECT_EQ(engine.incidents().back().reason, CloseReason::secret_changed);
    EXPECT_EQ(changes(LiveChange::secret_changed), 1U);
}

TEST_F(ShardLiveTest, ALostSubscriptionEndsInSilence) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "sub") + subscribe("sensor", "both"));
    change({"pub", "both"}, {"both"});
    const std::size_t publisher = engine.login("other");
    engine.say(publisher, publish("other", "both", "x"));
    engine.add_account(account("other", {"sub"}, {}));
    engine.tell_changed({"other"});
    engine.say(publisher, publish("other", "sub", "y"));
    EXPECT_EQ(engine.take_heard(peer), publish("other", "both", "x"));
    EXPECT_FALSE(engine.peer(peer).goodbye);
    EXPECT_EQ(changes(LiveChange::channels), 2U);
    const auto& told = engine.incidents().front();
    EXPECT_EQ(told.kind, Incident::Kind::rights_changed);
    EXPECT_EQ(told.ident, "sensor");
    EXPECT_EQ(told.subscriptions, 1U);
    engine.say(peer, subscribe("sensor", "sub"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to sub here. ident=sensor, chan=sub"));
}

TEST_F(ShardLiveTest, TheNextPublishOnALostChannelIsRefused) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("sensor", "pub", "x") + publish("sensor", "both", "x"));
    change({"both"}, {});
    engine.say(peer, publish("sensor", "both", "kept"));
    EXPECT_FALSE(engine.peer(peer).goodbye);
    EXPECT_EQ(engine.shard().channels().count(), 1U) << "the lost route is forgotten";
    engine.say(peer, publish("sensor", "pub", "x"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=pub"));
}

TEST_F(ShardLiveTest, ALostChannelIsRefusedThoughItAlwaysFollowedAnother) {
    const std::size_t peer = engine.login("sensor");
    for (int turn = 0; turn < 3; ++turn)
        engine.say(peer, publish("sensor", "both", "x") + publish("sensor", "pub", "x"));
    change({"both"}, {});
    engine.say(peer, publish("sensor", "both", "x") + publish("sensor", "pub", "x"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=pub"));
}

TEST_F(ShardLiveTest, TheLastChannelOfAPublisherCanBeLost) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("sensor", "pub", "x"));
    change({}, {});
    EXPECT_EQ(engine.shard().channels().count(), 0U);
    engine.say(peer, publish("sensor", "pub", "x"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=pub"));
}

TEST_F(ShardLiveTest, NewRightsWorkAtOnce) {
    const std::size_t peer = engine.login("sensor");
    change({"new"}, {"new"});
    engine.say(peer, subscribe("sensor", "new") + publish("sensor", "new", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("sensor", "new", "x"));
}

TEST_F(ShardLiveTest, WhatWasParsedBeforeTheChangeIsCarriedOut) {
    const std::size_t reader = engine.login("other");
    engine.say(reader, subscribe("other", "both"));
    const std::size_t peer = engine.login("sensor");
    const std::string torn = publish("sensor", "both", "torn");
    engine.say(peer, publish("sensor", "both", "whole") + torn.substr(0, 8));
    change({"pub"}, {});
    EXPECT_EQ(engine.take_heard(reader), publish("sensor", "both", "whole"));
    engine.say(peer, torn.substr(8));
    EXPECT_EQ(engine.take_heard(reader), "") << "it came whole after the change";
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=both"));
}

TEST_F(ShardLiveTest, AnotherOwnerMovesTheGauges) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both"));
    engine.open(peer, 0);
    engine.say(peer, publish("sensor", "both", "x"));
    const auto queued = static_cast<std::int64_t>(publish("sensor", "both", "x").size());
    auto owned = std::make_shared<Account>(*account("sensor", {"both"}, {"both"}));
    owned->owner = "new owner";
    engine.add_account(owned);
    engine.tell_changed({"sensor"});
    EXPECT_EQ(changes(LiveChange::owner), 1U);
    for (const auto* entry = engine.shard().counters().first_ident(); entry; entry = entry->next) {
        const bool now = entry->owner == "new owner";
        EXPECT_EQ(entry->authenticated_connections.value(), now ? 1 : 0) << entry->owner;
        EXPECT_EQ(entry->send_buffer_bytes.value(), now ? queued : 0) << entry->owner;
    }
    engine.open(peer);
    engine.hang_up(peer);
    for (const auto* entry = engine.shard().counters().first_ident(); entry; entry = entry->next) {
        EXPECT_EQ(entry->authenticated_connections.value(), 0) << entry->owner;
        EXPECT_EQ(entry->send_buffer_bytes.value(), 0) << entry->owner;
    }
}

TEST_F(ShardLiveTest, TheSameAnswerChangesNothing) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both") + publish("sensor", "both", "x"));
    engine.take_heard(peer);
    change({"both", "pub"}, {"both", "sub"});  // another object, the same account
    EXPECT_TRUE(engine.incidents().empty());
    for (const LiveChange change : {LiveChange::channels, LiveChange::owner,
                                    LiveChange::key_removed, LiveChange::secret_changed})
        EXPECT_EQ(changes(change), 0U);
    engine.say(peer, publish("sensor", "both", "y"));
    EXPECT_EQ(engine.take_heard(peer), publish("sensor", "both", "y"));
}

TEST_F(ShardLiveTest, AKeyThatOnlyLooksAlikeIsNotTheKey) {
    const std::size_t peer = engine.login("sensor");
    engine.hold_lookups = true;
    engine.tell_changed({"sensor"});
    engine.shard().account_found(
        {{0, 0}, Status::found, account("SENSOR", {}, {}), Purpose::recheck, false}, engine.now);
    engine.settle();
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
}

TEST_F(ShardLiveTest, AListenerThatIsCutForItsKeyIsNoListenerElsewhere) {
    const std::size_t peer = engine.login("sensor", 1);
    engine.say(peer, subscribe("sensor", "both"));
    EXPECT_EQ(engine.shard(0).channels().count(), 1U);
    engine.remove_account("sensor");
    engine.tell_any_changed();
    EXPECT_EQ(engine.shard(0).channels().count(), 0U);
}

TEST_F(ShardLiveTest, OffKeepsTheRightsOfTheLogin) {
    ShardOptions off;
    off.live_permissions = false;
    LoopbackEngine kept{{}, 1, 512U << 20, off};
    kept.add_account(account("sensor", {"both"}, {"both"}));
    const std::size_t peer = kept.login("sensor");
    kept.remove_account("sensor");
    kept.tell_changed({"sensor"});
    kept.tell_any_changed();
    kept.advance(1h);
    kept.say(peer, subscribe("sensor", "both") + publish("sensor", "both", "x"));
    EXPECT_EQ(kept.take_heard(peer), publish("sensor", "both", "x"));
    EXPECT_EQ(kept.rechecks_asked, 0U);
}

// ---- no answer

TEST_F(ShardLiveTest, AStoreThatIsOutEndsNoSession) {
    const std::size_t peer = engine.login("sensor");
    engine.remove_account("sensor");
    for (const Status status : {Status::unavailable, Status::refused_full}) {
        engine.store_fails_with = status;
        engine.tell_changed({"sensor"});
    }
    EXPECT_EQ(unanswered(), 2U);
    EXPECT_FALSE(engine.peer(peer).goodbye);
    engine.store_fails_with = Status::found;
    engine.advance(recheck_retry - 1ms);
    EXPECT_FALSE(engine.peer(peer).goodbye);
    engine.advance(1ms);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"))
        << "it is asked again although nobody polls";
}

TEST_F(ShardLiveTest, AnAnswerInPlaceOfTheStoreThatDecidesChangesNothing) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both"));
    engine.store_degraded = true;
    change({}, {}, "another");
    engine.remove_account("sensor");
    engine.tell_changed({"sensor"});
    EXPECT_EQ(unanswered(), 2U);
    EXPECT_FALSE(engine.peer(peer).goodbye);
    engine.say(engine.login("other"), publish("other", "both", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("other", "both", "x"));
    engine.store_degraded = false;
    engine.advance(recheck_retry);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
}

TEST_F(ShardLiveTest, AnsweredAgainNobodyIsPolled) {
    (void)engine.login("sensor");
    engine.store_fails_with = Status::unavailable;
    engine.tell_changed({"sensor"});
    EXPECT_TRUE(engine.shard().next_due().has_value());
    engine.store_fails_with = Status::found;
    engine.advance(recheck_retry);
    EXPECT_FALSE(engine.shard().next_due().has_value());
}

// ---- an AUTH under way

TEST_F(ShardLiveTest, AChangeToldDuringALoginIsNotMissed) {
    engine.hold_lookups = true;
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("sensor", "secret", {}));
    const SessionId id = engine.peer(peer).id;
    const auto stale = account("sensor", {"both"}, {"both"});
    engine.remove_account("sensor");
    engine.tell_changed({"sensor"});
    // The look-up had been before the change.
    engine.shard().account_found({id, Status::found, stale}, engine.now);
    engine.answer_lookups();
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    EXPECT_EQ(engine.incidents().back().reason, CloseReason::key_removed);
}

TEST_F(ShardLiveTest, ARechecksAnswerIsNoLogins) {
    const std::size_t live = engine.login("sensor");
    engine.hold_lookups = true;
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("sensor", "wrong", {}));
    engine.tell_changed({"sensor"});
    // Both tickets may be the same numbers; the purpose tells them apart.
    engine.shard().account_found(
        {{0, 0}, Status::found, account("sensor", {"both"}, {}), Purpose::recheck, false},
        engine.now);
    EXPECT_EQ(engine.take_heard(peer), "");
    engine.answer_lookups();
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    EXPECT_FALSE(engine.peer(live).goodbye);
}

TEST_F(ShardLiveTest, ASessionThatVerifiesAgainStillFollowsItsKey) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both"));
    engine.hold_lookups = true;
    engine.say(peer, auth("sensor", "secret", {}) + publish("sensor", "pub", "x"));
    const SessionId id = engine.peer(peer).id;
    engine.add_account(account("sensor", {}, {}));
    engine.shard().keys_changed(std::vector<std::string>{"sensor"}, engine.now);
    engine.shard().account_found(
        {{0, 0}, Status::found, account("sensor", {}, {}), Purpose::recheck, false}, engine.now);
    EXPECT_EQ(engine.shard().channels().count(), 0U) << "its subscription has ended";
    engine.shard().account_found({id, Status::found, account("sensor", {}, {})}, engine.now);
    engine.settle();
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=pub"));
}

TEST_F(ShardLiveTest, AKeyRemovedUnderASecondAuthEndsTheSession) {
    const std::size_t peer = engine.login("sensor");
    engine.hold_lookups = true;
    engine.say(peer, auth("other", "secret", {}));
    engine.remove_account("sensor");
    engine.shard().keys_changed(std::vector<std::string>{"sensor"}, engine.now);
    engine.shard().account_found({{0, 0}, Status::absent, nullptr, Purpose::recheck, false},
                                 engine.now);
    engine.settle();
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
}

TEST_F(ShardLiveTest, AfterASwitchOfIdentTheNewKeyCounts) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, auth("other", "secret", {}) + subscribe("other", "both"));
    EXPECT_EQ(engine.shard().live_keys().count(), 1U);
    engine.remove_account("sensor");
    engine.tell_changed({"sensor"});
    engine.say(peer, publish("other", "both", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("other", "both", "x"));
    engine.remove_account("other");
    engine.tell_changed({"other"});
    EXPECT_EQ(last_words(peer), error("Authentication failed for other"));
}

TEST_F(ShardLiveTest, ALoginWithAnotherAccountIsNewsOfTheKey) {
    const std::size_t old = engine.login("sensor");
    engine.say(old, subscribe("sensor", "sub"));
    engine.add_account(account("sensor", {"both"}, {"both"}));
    const std::size_t recent = engine.login("sensor");
    EXPECT_EQ(engine.rechecks_asked, 1U);
    EXPECT_FALSE(engine.peer(recent).goodbye);
    engine.say(old, subscribe("sensor", "sub"));
    EXPECT_EQ(last_words(old), error("Authkey not allowed to sub here. ident=sensor, chan=sub"));
}

TEST_F(ShardLiveTest, AFailedSecondAuthLeavesTheKey) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, auth("sensor", "wrong", {}));
    EXPECT_EQ(engine.shard().live_keys().count(), 0U);
    engine.remove_account("sensor");
    engine.tell_changed({"sensor"});
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    EXPECT_EQ(changes(LiveChange::key_removed), 0U);
}

// ---- polling

class ShardPollingTest : public ::testing::Test {
protected:
    void login_many(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::string ident = "ident" + std::to_string(i);
            engine.add_account(account(ident, {}, {}));
            (void)engine.login(ident);
        }
    }
    LoopbackEngine engine{{}, 1, 512U << 20, polling(30s)};
};

TEST_F(ShardPollingTest, AsksOnceAnInterval) {
    login_many(1);
    engine.advance(30s - 1ms);
    EXPECT_EQ(engine.rechecks_asked, 0U);
    engine.advance(1ms);
    EXPECT_EQ(engine.rechecks_asked, 1U);
    engine.remove_account("ident0");
    engine.advance(30s);
    EXPECT_TRUE(engine.peer(0).goodbye);
    EXPECT_EQ(engine.rechecks_asked, 2U);
}

TEST_F(ShardPollingTest, AFewWakeTheShardOnceAnInterval) {
    login_many(recheck_batch);
    std::size_t wakes = 0;
    const Instant end = engine.now + 300s;
    while (const auto due = engine.shard().next_due()) {
        if (*due > end) break;
        engine.advance(std::chrono::ceil<std::chrono::milliseconds>(*due - engine.now));
        ++wakes;
    }
    EXPECT_LE(wakes, 11U);
    EXPECT_GE(engine.rechecks_asked, 9 * recheck_batch);
}

TEST_F(ShardPollingTest, ManyAreSpreadEvenly) {
    constexpr std::size_t keys = 1'000;
    login_many(keys);
    std::size_t most = 0;
    for (int tenth = 0; tenth < 300; ++tenth) {
        const std::size_t before = engine.rechecks_asked;
        engine.advance(100ms);
        most = std::max(most, engine.rechecks_asked - before);
    }
    EXPECT_LE(most, 2 * recheck_batch);
    EXPECT_GE(engine.rechecks_asked, keys - recheck_batch);
    EXPECT_LE(engine.rechecks_asked, keys + 4 * recheck_batch);
}

TEST_F(ShardPollingTest, EveryKeyHasItsTurnWithinAnInterval) {
    login_many(100);
    engine.advance(1s);
    for (std::size_t i = 0; i < 100; ++i)
        engine.remove_account("ident" + std::to_string(i));
    for (int second = 0; second < 31; ++second)
        engine.advance(1s);
    for (std::size_t i = 0; i < 100; ++i)
        EXPECT_TRUE(engine.peer(i).goodbye) << i;
}

TEST_F(ShardPollingTest, AsksNobodyTwiceWhileAnAnswerIsOwed) {
    login_many(3);
    engine.hold_lookups = true;
    engine.advance(30s);
    engine.advance(30s);
    engine.advance(30s);
    EXPECT_EQ(engine.rechecks_asked, 3U);
    engine.hold_lookups = false;
    engine.settle();
    engine.advance(30s);
    EXPECT_EQ(engine.rechecks_asked, 6U);
}

TEST_F(ShardPollingTest, BoundsWhatIsUnderWay) {
    login_many(100);
    engine.hold_lookups = true;
    engine.tell_any_changed();
    EXPECT_EQ(engine.rechecks_asked, rechecks_outstanding_max);
    engine.hold_lookups = false;
    engine.settle();
    EXPECT_EQ(engine.rechecks_asked, 100U) << "the others follow as answers come";
}

TEST_F(ShardPollingTest, WithNobodyLoggedInNothingIsDue) {
    login_many(1);
    EXPECT_TRUE(engine.shard().next_due().has_value());
    engine.hang_up(0);
    engine.advance(60s);
    EXPECT_FALSE(engine.shard().next_due().has_value());
    EXPECT_EQ(engine.rechecks_asked, 0U);
}

}  // namespace
}  // namespace hpfeeds::core
