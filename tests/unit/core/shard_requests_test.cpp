// SPDX-License-Identifier: Apache-2.0
// AUTH, SUBSCRIBE, UNSUBSCRIBE and the rights of a PUBLISH: PROTOCOL.md, "Session".
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;

class ShardRequestsTest : public ::testing::Test {
protected:
    ShardRequestsTest() {
        engine.add_account(account("sensor", {"pub", "both"}, {"sub", "both"}));
        engine.add_account(account("other", {"pub"}, {"sub"}));
        engine.add_account(account("", {"pub"}, {"sub"}));
    }
    // What a refused peer heard after its connection was closed.
    std::string last_words(std::size_t peer) {
        EXPECT_TRUE(engine.peer(peer).goodbye);
        return engine.take_heard(peer);
    }
    const Incident& last_incident() { return engine.incidents().back(); }

    LoopbackEngine engine;
};

TEST_F(ShardRequestsTest, RefusesAWrongSecretAfterThePause) {
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("sensor", "wrong", {}));
    EXPECT_EQ(engine.take_heard(peer), "") << "client-quirk 10: not at once";
    engine.advance(999ms);
    EXPECT_EQ(engine.take_heard(peer), "");
    engine.advance(1ms);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    EXPECT_EQ(last_incident().reason, CloseReason::wrong_secret);
    EXPECT_EQ(last_incident().ident, "sensor");
}

TEST_F(ShardRequestsTest, AnUnknownIdentLooksLikeAWrongSecret) {
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("nobody", "secret", {}));
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for nobody"));
    EXPECT_EQ(last_incident().reason, CloseReason::unknown_ident);
}

TEST_F(ShardRequestsTest, AnUnavailableStoreNeverGrants) {
    for (const auto status :
         {AccountAnswer::Status::unavailable, AccountAnswer::Status::refused_full}) {
        engine.store_fails_with = status;
        const std::size_t peer = engine.connect();
        engine.take_heard(peer);
        engine.say(peer, auth("sensor", "secret", {}));
        engine.advance(1s);
        EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    }
}

TEST_F(ShardRequestsTest, ACertificateOfAnotherIdentIsRefusedLikeAWrongSecret) {
    engine.store_fails_with = AccountAnswer::Status::refused_certificate;
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("sensor", "secret", {}));
    EXPECT_EQ(engine.take_heard(peer), "") << "after the same pause";
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
    EXPECT_EQ(last_incident().reason, CloseReason::certificate_mismatch);
    EXPECT_EQ(error_category(CloseReason::certificate_mismatch), "ident-mismatch-cert");
}

TEST_F(ShardRequestsTest, AnEmptyIdentKeepsTheTrailingBlank) {
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("", "wrong", {}));
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for "));
}

TEST_F(ShardRequestsTest, RefusesADigestOfAnotherLength) {
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    std::string frame = auth("sensor", "secret", {});
    frame.pop_back();
    frame[3] = static_cast<char>(frame[3] - 1);
    engine.say(peer, frame);
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
}

TEST_F(ShardRequestsTest, RefusesAStoreThatAnswersWithAnotherIdent) {
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.hold_lookups = true;
    engine.say(peer, auth("SENSOR", "secret", {}));
    engine.shard().account_found(
        {engine.peer(peer).id, AccountAnswer::Status::found, account("sensor", {}, {})},
        engine.now);
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for SENSOR"));
}

TEST_F(ShardRequestsTest, CountsHowLongALoginWaitedForItsAnswer) {
    using metrics::TimeHistogram;
    const TimeHistogram& times = engine.shard().counters().shard.login_times;
    engine.hold_lookups = true;
    const auto answer_after = [&](std::chrono::milliseconds waited, AccountAnswer::Status status) {
        const std::size_t peer = engine.connect();
        engine.say(peer, auth("sensor", "secret", {}));
        const Instant asked_at = engine.now;
        engine.now += waited;
        AccountAnswer answer{engine.peer(peer).id, status, account("sensor", {}, {})};
        answer.asked_at = asked_at;
        engine.shard().account_found(answer, engine.now);
    };
    answer_after(3ms, AccountAnswer::Status::found);
    EXPECT_EQ(times.count_in(TimeHistogram::bucket_of(3ms)), 1U);
    answer_after(2s, AccountAnswer::Status::unavailable);
    EXPECT_EQ(times.count_in(TimeHistogram::bucket_of(2s)), 1U) << "refusals, too";
    EXPECT_EQ(times.sum(), 2003ms);
}

TEST_F(ShardRequestsTest, RefusesAFirstMessageThatIsNotAuth) {  // client-quirk 6
    for (const std::string& frame : {publish("sensor", "pub", "x"), subscribe("sensor", "sub"),
                                     unsubscribe("sensor", "sub")}) {
        const std::size_t peer = engine.connect();
        engine.take_heard(peer);
        engine.say(peer, frame);
        EXPECT_EQ(last_words(peer), error("First message was not AUTH"));
        EXPECT_EQ(last_incident().reason, CloseReason::first_message_not_auth);
    }
}

TEST_F(ShardRequestsTest, HoldsWhatIsPipelinedBehindAuth) {  // client-quirk 5
    engine.hold_lookups = true;
    const std::size_t peer = engine.connect();
    engine.take_heard(peer);
    engine.say(peer, auth("sensor", "secret", {}) + subscribe("sensor", "both") +
                         publish("sensor", "both", "a"));
    engine.say(peer, publish("sensor", "both", "b"));
    EXPECT_FALSE(engine.shard().wants_reading(engine.peer(peer).id));
    EXPECT_EQ(engine.take_heard(peer), "");
    engine.answer_lookups();
    EXPECT_EQ(engine.take_heard(peer),
              publish("sensor", "both", "a") + publish("sensor", "both", "b"));
}

TEST_F(ShardRequestsTest, CarriesOutWhatAVanishedPeerHadSent) {  // client-quirk 7
    const std::size_t reader = engine.login("sensor");
    engine.say(reader, subscribe("sensor", "both"));
    for (const bool reset : {false, true}) {
        engine.hold_lookups = true;
        const std::size_t peer = engine.connect();
        engine.say(peer, auth("sensor", "secret", {}) + publish("sensor", "both", "last words"));
        if (reset) engine.break_output(peer);
        engine.hang_up(peer);
        engine.answer_lookups();
        EXPECT_EQ(engine.take_heard(reader), publish("sensor", "both", "last words"));
        EXPECT_TRUE(engine.peer(peer).closed);
    }
}

// Found by the simulation: it listened all the same, and its queue, which nobody could empty, grew.
TEST_F(ShardRequestsTest, NothingIsQueuedForAPeerThatCanBeToldNothing) {
    engine.hold_lookups = true;
    const std::size_t peer = engine.connect();
    engine.say(peer, auth("sensor", "secret", {}) + subscribe("sensor", "both") +
                         publish("sensor", "both", "to itself"));
    engine.break_output(peer);
    engine.answer_lookups();
    ASSERT_NE(engine.shard().output(engine.peer(peer).id), nullptr);
    EXPECT_TRUE(engine.shard().output(engine.peer(peer).id)->empty());
    EXPECT_EQ(engine.shard().counters().shard.published_frames.value(), 1U);
}

TEST_F(ShardRequestsTest, RefusesAPublishWithAnotherIdent) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("other", "pub", "x"));
    EXPECT_EQ(last_words(peer), error("Invalid authkey in message, ident=other"));
    EXPECT_EQ(last_incident().ident, "sensor");
    EXPECT_EQ(last_incident().claimed, "other");
}

TEST_F(ShardRequestsTest, RefusesAPublishOnAChannelThatIsNotGranted) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("sensor", "sub", "x"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=sub"));
    EXPECT_EQ(last_incident().channel, "sub");
}

TEST_F(ShardRequestsTest, RefusesASubscribeOnAChannelThatIsNotGranted) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("somebody", "pub"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to sub here. ident=sensor, chan=pub"));
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, publish("sensor", "pub", "x"));
    EXPECT_EQ(engine.take_heard(peer), "") << "a denied subscription is none";
}

TEST_F(ShardRequestsTest, RefusesAChannelThatNoPublishCanName) {
    const std::string name(256, 'c');
    engine.add_account(account("long", {}, {name}));
    const std::size_t peer = engine.login("long");
    engine.say(peer, subscribe("long", name));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to sub here. ident=long, chan=" + name));
}

TEST_F(ShardRequestsTest, RefusesTheLongestSubscribeWithAnErrorThatFitsAFrame) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", std::string(wire::subscribe_frame_bytes_max - 12, 'c')));
    const std::string heard = last_words(peer);
    EXPECT_EQ(heard.size(), wire::error_frame_bytes_max);
    EXPECT_EQ(heard.substr(5, 30), "Authkey not allowed to sub her");
}

TEST_F(ShardRequestsTest, DoesNotCarryOutFramesBehindARefusedOne) {
    const std::size_t reader = engine.login("sensor");
    engine.say(reader, subscribe("sensor", "both"));
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("sensor", "both", "good") + publish("sensor", "sub", "bad") +
                         publish("sensor", "both", "behind"));
    EXPECT_EQ(engine.take_heard(reader), publish("sensor", "both", "good"));
}

TEST_F(ShardRequestsTest, DoesNotCheckTheIdentOfASubscribe) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("anybody at all", "both"));
    engine.say(peer, publish("sensor", "both", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("sensor", "both", "x"));
}

TEST_F(ShardRequestsTest, NeverRefusesAnUnsubscribe) {  // client-quirk 23
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, unsubscribe("whoever", "pub") +
                         unsubscribe("whoever", std::string(1000, 'x')) +
                         subscribe("sensor", "both") + unsubscribe("sensor", "both") +
                         unsubscribe("sensor", "both"));
    EXPECT_FALSE(engine.peer(peer).closed);
    for (const ChannelCounters* entry = engine.shard().counters().first_channel(); entry;
         entry = entry->next)
        EXPECT_EQ(entry->subscriptions.value(), 0);
}

TEST_F(ShardRequestsTest, TreatsNamesAsBytes) {  // client-quirk 17
    engine.add_account(account("caf\xe9", {"\xff\xfe"}, {"\xff\xfe"}));
    const std::size_t peer = engine.login("caf\xe9");
    engine.say(peer, subscribe("caf\xe9", "\xff\xfe") + publish("caf\xe9", "\xff\xfe", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("caf\xe9", "\xff\xfe", "x"));
}

// ---- a second AUTH

TEST_F(ShardRequestsTest, ASecondAuthWithTheSameIdentLeavesTheSessionWorking) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both") + auth("sensor", "secret", {}) +
                         publish("sensor", "both", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("sensor", "both", "x"));
}

TEST_F(ShardRequestsTest, ASecondAuthWithAnotherIdentTakesTheFirstOnesRights) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both") + auth("other", "secret", {}));
    const std::size_t publisher = engine.login("sensor");
    engine.say(publisher, publish("sensor", "both", "x"));
    EXPECT_EQ(engine.take_heard(peer), "") << "the first ident's subscription is gone";
    engine.say(peer, publish("sensor", "pub", "x"));
    EXPECT_EQ(last_words(peer), error("Invalid authkey in message, ident=sensor"));
}

TEST_F(ShardRequestsTest, AWrongSecondAuthEndsTheSession) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both") + auth("sensor", "wrong", {}) +
                         publish("sensor", "both", "x"));
    engine.advance(1s);
    EXPECT_EQ(last_words(peer), error("Authentication failed for sensor"));
}

TEST_F(ShardRequestsTest, ASecondAuthReadsTheRightsAnew) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, subscribe("sensor", "both") + subscribe("sensor", "sub"));
    engine.add_account(account("sensor", {"both"}, {"sub"}));
    engine.say(peer, auth("sensor", "secret", {}));
    engine.say(peer, publish("sensor", "both", "x"));
    EXPECT_EQ(engine.take_heard(peer), "") << "the lost subscription has ended";
    engine.say(peer, publish("sensor", "pub", "x"));
    EXPECT_EQ(last_words(peer), error("Authkey not allowed to pub here. ident=sensor, chan=pub"));
}

// ---- endpoints for one direction

constexpr EndpointRights publish_only{.publish = true, .subscribe = false};
constexpr EndpointRights subscribe_only{.publish = false, .subscribe = true};

TEST_F(ShardRequestsTest, NobodySubscribesWhereOnlyPublishingIsAllowed) {
    const std::size_t listener = engine.login("sensor");
    engine.say(listener, subscribe("sensor", "both"));
    const std::size_t peer = engine.login("sensor", 0, publish_only);
    engine.say(peer, publish("sensor", "both", "event"));
    EXPECT_EQ(engine.take_heard(listener), publish("sensor", "both", "event"));
    engine.say(peer, unsubscribe("sensor", "both"));
    EXPECT_FALSE(engine.peer(peer).goodbye) << "UNSUBSCRIBE is never refused";
    engine.say(peer, subscribe("sensor", "both"));
    EXPECT_EQ(last_words(peer), error("Endpoint not allowed to sub here. ident=sensor, chan=both"));
    EXPECT_EQ(last_incident().reason, CloseReason::endpoint_publish_only);
    EXPECT_EQ(last_incident().channel, "both");
}

TEST_F(ShardRequestsTest, NobodyPublishesWhereOnlySubscribingIsAllowed) {
    const std::size_t listener = engine.login("sensor", 0, subscribe_only);
    engine.say(listener, subscribe("sensor", "both"));
    const std::size_t peer = engine.login("sensor", 0, subscribe_only);
    engine.say(peer, publish("sensor", "both", "event") + publish("sensor", "both", "more"));
    EXPECT_EQ(last_words(peer), error("Endpoint not allowed to pub here. ident=sensor, chan=both"));
    EXPECT_EQ(last_incident().reason, CloseReason::endpoint_subscribe_only);
    EXPECT_EQ(last_incident().channel, "both");
    EXPECT_EQ(engine.take_heard(listener), "") << "nothing of it is delivered";
}

TEST_F(ShardRequestsTest, AnEndpointGrantsNothingThatTheKeyDoesNot) {
    const std::size_t publisher = engine.login("sensor", 0, publish_only);
    engine.say(publisher, publish("sensor", "sub", "event"));
    EXPECT_EQ(last_incident().reason, CloseReason::no_publish_permission);
    const std::size_t listener = engine.login("sensor", 0, subscribe_only);
    engine.say(listener, subscribe("sensor", "pub"));
    EXPECT_EQ(last_incident().reason, CloseReason::no_subscribe_permission);
}

TEST_F(ShardRequestsTest, AnotherLoginChangesNothingOfTheEndpoint) {
    const std::size_t peer = engine.login("sensor", 0, publish_only);
    engine.say(peer, auth("other", "secret", {}) + subscribe("other", "sub"));
    EXPECT_EQ(last_words(peer), error("Endpoint not allowed to sub here. ident=other, chan=sub"));
}

TEST_F(ShardRequestsTest, APlaceThatWasVacatedKeepsNoEndpoint) {
    const std::size_t first = engine.login("sensor", 0, publish_only);
    engine.hang_up(first);
    const std::size_t second = engine.login("sensor");
    EXPECT_EQ(engine.peer(first).id.index, engine.peer(second).id.index);
    engine.say(second, subscribe("sensor", "both"));
    EXPECT_FALSE(engine.peer(second).goodbye);
}

}  // namespace
}  // namespace hpfeeds::core
