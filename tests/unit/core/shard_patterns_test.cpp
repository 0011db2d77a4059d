// SPDX-License-Identifier: Apache-2.0
// Wildcards: who may subscribe to a pattern, who hears what, and what a session may keep.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;

ShardOptions with_wildcards() {
    ShardOptions options;
    options.wildcards = true;
    return options;
}

class ShardPatternsTest : public ::testing::Test {
protected:
    ShardPatternsTest() {
        engine.add_account(account("all", {"*"}, {"*"}));
        engine.add_account(account("cowrie", {"cowrie.*"}, {"cowrie.*"}));
        engine.add_account(account("plain", {"plain"}, {"plain"}));
    }
    std::size_t subscriber(std::string_view ident, std::vector<std::string> channels,
                           unsigned shard = 0) {
        const std::size_t peer = engine.login(ident, shard);
        for (const std::string& channel : channels)
            engine.say(peer, subscribe(ident, channel));
        return peer;
    }
    std::string said(std::string_view channel, std::string_view payload = "x") {
        return publish("all", channel, payload);
    }
    std::string last_words(std::size_t peer) {
        EXPECT_TRUE(engine.peer(peer).goodbye);
        return engine.take_heard(peer);
    }

    LoopbackEngine engine{{}, 3, 512U << 20, with_wildcards()};
};

TEST_F(ShardPatternsTest, APatternHearsEveryChannelUnderIt) {
    const std::size_t logger = subscriber("cowrie", {"cowrie.*"});
    const std::size_t everything = subscriber("all", {"*"});
    const std::size_t publisher = engine.login("all");
    const std::string under = said("cowrie.sessions") + said("cowrie.a.b") + said("cowrie.");
    const std::string beside = said("cowrie") + said("cowries.x") + said("") + said("x.cowrie.y");
    engine.say(publisher, under + beside);
    EXPECT_EQ(engine.take_heard(logger), under);
    EXPECT_EQ(engine.take_heard(everything), under + beside);
}

TEST_F(ShardPatternsTest, EachMessageComesOnceHoweverManyPatternsCoverIt) {
    const std::size_t peer = subscriber("all", {"a.b", "a.*", "*", "a.*", "a.b.*"});
    const std::size_t other = subscriber("all", {"a.b"});
    const std::size_t publisher = engine.login("all");
    engine.say(publisher, said("a.b") + said("a.b.c") + said("a.c") + said("b"));
    EXPECT_EQ(engine.take_heard(peer), said("a.b") + said("a.b.c") + said("a.c") + said("b"));
    EXPECT_EQ(engine.take_heard(other), said("a.b"));
}

TEST_F(ShardPatternsTest, WorksAcrossShards) {
    const std::size_t here = subscriber("cowrie", {"cowrie.*"}, 0);
    const std::size_t there = subscriber("cowrie", {"cowrie.*"}, 1);
    const std::size_t both = subscriber("all", {"cowrie.*", "*", "cowrie.x"}, 2);
    const std::size_t publisher = engine.login("all", 0);
    engine.say(publisher, said("cowrie.x", "1") + said("cowrie.y", "2") + said("other", "3"));
    const std::string heard = said("cowrie.x", "1") + said("cowrie.y", "2");
    EXPECT_EQ(engine.take_heard(here), heard);
    EXPECT_EQ(engine.take_heard(there), heard);
    EXPECT_EQ(engine.take_heard(both), heard + said("other", "3"));
    const std::uint64_t before = engine.shard(0).counters().shard.forwarded_runs.value();
    engine.hang_up(both);
    engine.say(publisher, said("other", "4"));
    EXPECT_EQ(engine.shard(0).counters().shard.forwarded_runs.value(), before)
        << "nobody listens there any more";
    engine.say(publisher, said("cowrie.z", "5"));
    EXPECT_EQ(engine.take_heard(there), said("cowrie.z", "5"));
}

TEST_F(ShardPatternsTest, UnsubscribeOfAPatternEndsThePatternOnly) {
    const std::size_t peer = subscriber("all", {"a.*", "a.b", "*"});
    const std::size_t publisher = engine.login("all");
    engine.say(peer, unsubscribe("all", "*"));
    engine.say(publisher, said("a.b") + said("a.c") + said("b"));
    EXPECT_EQ(engine.take_heard(peer), said("a.b") + said("a.c"));
    engine.say(peer, unsubscribe("all", "a.*"));
    engine.say(publisher, said("a.b") + said("a.c"));
    EXPECT_EQ(engine.take_heard(peer), said("a.b"));
    engine.say(peer, unsubscribe("all", "a.c"));
    engine.say(publisher, said("a.b"));
    EXPECT_EQ(engine.take_heard(peer), said("a.b"));
    EXPECT_EQ(engine.shard().channels().pattern_count(), 0U);
}

TEST_F(ShardPatternsTest, GrantsWhatIsNoBroaderThanTheKey) {
    (void)subscriber("cowrie", {"cowrie.*", "cowrie.x", "cowrie.x.*"});
    EXPECT_FALSE(engine.peer(0).goodbye);
    for (const std::string channel : {"*", "cow.*", "cowrie", "cowrie*", "other"}) {
        const std::size_t peer = subscriber("cowrie", {channel});
        EXPECT_EQ(last_words(peer),
                  error("Authkey not allowed to sub here. ident=cowrie, chan=" + channel));
    }
    for (const std::string channel : {"cowrie", "other", "*"}) {
        const std::size_t peer = engine.login("cowrie");
        engine.say(peer, publish("cowrie", channel, "x"));
        EXPECT_EQ(last_words(peer),
                  error("Authkey not allowed to pub here. ident=cowrie, chan=" + channel));
    }
    for (const std::string channel : {"*", "plain.*", "plain.x"}) {
        const std::size_t peer = subscriber("plain", {channel});
        EXPECT_EQ(last_words(peer),
                  error("Authkey not allowed to sub here. ident=plain, chan=" + channel));
    }
}

TEST_F(ShardPatternsTest, WithoutTheFlagAPatternIsANameLikeAnyOther) {
    LoopbackEngine literal;
    literal.add_account(account("all", {"*", "a.*", "a.b"}, {"*", "a.*"}));
    const std::size_t peer = literal.login("all");
    literal.say(peer, subscribe("all", "*") + subscribe("all", "a.*"));
    literal.say(peer, said("a.b") + said("*") + said("a.*"));
    EXPECT_EQ(literal.take_heard(peer), said("*") + said("a.*"));
    literal.say(peer, said("b"));
    EXPECT_EQ(literal.take_heard(peer),
              error("Authkey not allowed to pub here. ident=all, chan=b"));
}

TEST_F(ShardPatternsTest, ALateSubscriberIsHeardByChannelsThatExist) {
    const std::size_t publisher = engine.login("all");
    engine.say(publisher, said("a.b"));
    const std::size_t peer = subscriber("all", {"a.*"});
    const std::size_t there = subscriber("all", {"a.*"}, 1);
    engine.say(publisher, said("a.b", "y"));
    EXPECT_EQ(engine.take_heard(peer), said("a.b", "y"));
    EXPECT_EQ(engine.take_heard(there), said("a.b", "y"));
}

TEST_F(ShardPatternsTest, APublisherUnderItsOwnPatternHearsItself) {
    const std::size_t peer = subscriber("all", {"*"});
    engine.say(peer, said("a") + said("a") + said("b.c"));
    EXPECT_EQ(engine.take_heard(peer), said("a") + said("a") + said("b.c"));
}

// The subscriber is cut in the middle of a fan-out, and is the last of its patterns and channels.
TEST_F(ShardPatternsTest, ASubscriberThatIsCutLeavesAllItsPatterns) {
    Limits limits;
    limits.subscriber_bytes_max = 100;
    limits.slow_high_bytes = 100;
    LoopbackEngine small{limits, 2, 512U << 20, with_wildcards()};
    small.add_account(account("all", {"*"}, {"*"}));
    for (unsigned shard = 0; shard < 2; ++shard) {
        const std::size_t slow = small.login("all", shard);
        for (const char* name : {"a.b", "a.*", "*", "a.b.*"})
            small.say(slow, subscribe("all", name));
        small.open(slow, 0);
        const std::size_t publisher = small.login("all", 0);
        small.say(publisher, said("a.b", std::string(60, 'x')) + said("a.b", "y") +
                                 said("a.b", std::string(60, 'z')));
        EXPECT_EQ(small.shard(shard).channels().pattern_count(), 0U);
        EXPECT_EQ(small.incidents().back().reason, CloseReason::slow_bytes);
        small.hang_up(publisher);
    }
}

// ---- live permissions

TEST_F(ShardPatternsTest, ALostPatternEndsWhatItGranted) {
    const std::size_t peer = subscriber("cowrie", {"cowrie.*", "cowrie.x", "cowrie.y"});
    engine.say(peer, publish("cowrie", "cowrie.x", "x"));
    EXPECT_EQ(engine.take_heard(peer), publish("cowrie", "cowrie.x", "x"));
    engine.add_account(account("cowrie", {"cowrie.y"}, {"cowrie.y"}));
    engine.tell_changed({"cowrie"});
    const std::size_t publisher = engine.login("all");
    engine.say(publisher, said("cowrie.x") + said("cowrie.y") + said("cowrie.z"));
    EXPECT_EQ(engine.take_heard(peer), said("cowrie.y"));
    engine.say(peer, publish("cowrie", "cowrie.x", "x"));
    EXPECT_EQ(last_words(peer),
              error("Authkey not allowed to pub here. ident=cowrie, chan=cowrie.x"));
}

TEST_F(ShardPatternsTest, ABroaderPatternKeepsWhatANarrowerOneGranted) {
    const std::size_t peer = subscriber("cowrie", {"cowrie.*", "cowrie.x"});
    engine.add_account(account("cowrie", {"*"}, {"*"}));
    engine.tell_changed({"cowrie"});
    const std::size_t publisher = engine.login("all");
    engine.say(publisher, said("cowrie.x") + said("other"));
    EXPECT_EQ(engine.take_heard(peer), said("cowrie.x"));
    engine.say(peer, subscribe("cowrie", "*"));
    engine.say(publisher, said("other"));
    EXPECT_EQ(engine.take_heard(peer), said("other"));
}

// ---- bounds

TEST_F(ShardPatternsTest, BoundsTheChannelsAPublisherKeepsAlive) {
    const std::size_t reader = subscriber("all", {"*"});
    const std::size_t publisher = engine.login("all");
    std::string all;
    for (std::size_t i = 0; i < 3 * routes_max; ++i)
        all += said("channel." + std::to_string(i));
    engine.say(publisher, all);
    EXPECT_EQ(engine.take_heard(reader), all) << "forgotten, and not refused";
    EXPECT_LE(engine.shard().channels().count(), routes_max);
    EXPECT_GE(engine.shard().counters().shard.routes_forgotten.value(), 2 * routes_max);
    engine.hang_up(publisher);
    engine.hang_up(reader);
    EXPECT_EQ(engine.shard().channels().count(), 0U);
}

TEST_F(ShardPatternsTest, RemembersAllThatAKeyLists) {
    std::vector<std::string> names{"*"};
    for (std::size_t i = 0; i < 2 * routes_max; ++i)
        names.push_back("channel." + std::to_string(i));
    engine.add_account(account("wide", names, {}));
    const std::size_t publisher = engine.login("wide");
    for (const std::string& name : names)
        engine.say(publisher, publish("wide", name, "x"));
    EXPECT_EQ(engine.shard().counters().shard.routes_forgotten.value(), 0U);
    EXPECT_EQ(engine.shard().channels().count(), names.size());
}

TEST_F(ShardPatternsTest, BoundsTheSubscriptionsOfASession) {
    const std::size_t peer = engine.login("all");
    std::string all;
    for (std::size_t i = 0; i < subscriptions_max; ++i)
        all += subscribe("all", "channel." + std::to_string(i));
    engine.say(peer, all + subscribe("all", "channel.0"));
    EXPECT_FALSE(engine.peer(peer).goodbye) << "one that it has already is not one more";
    engine.say(peer, subscribe("all", "one more"));
    EXPECT_EQ(last_words(peer), error("Too many subscriptions. ident=all, chan=one more"));
    EXPECT_EQ(engine.incidents().back().reason, CloseReason::too_many_subscriptions);
}

TEST_F(ShardPatternsTest, AKeyMaySubscribeToAllThatItLists) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < subscriptions_max + 10; ++i)
        names.push_back("channel." + std::to_string(i));
    engine.add_account(account("wide", {}, names));
    const std::size_t peer = engine.login("wide");
    for (const std::string& name : names)
        engine.say(peer, subscribe("wide", name));
    EXPECT_FALSE(engine.peer(peer).goodbye);
}

TEST_F(ShardPatternsTest, ForgetsPatternsThatNobodyNeeds) {
    const std::size_t peer = subscriber("all", {"*", "a.*", "a.b"}, 1);
    EXPECT_EQ(engine.shard(0).channels().pattern_count(), 2U);
    engine.hang_up(peer);
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_EQ(engine.shard(i).channels().pattern_count(), 0U);
        EXPECT_EQ(engine.shard(i).channels().count(), 0U);
    }
}

}  // namespace
}  // namespace hpfeeds::core
