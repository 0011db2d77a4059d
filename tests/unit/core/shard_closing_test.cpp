// SPDX-License-Identifier: Apache-2.0
// Protocol errors, goodbyes and deadlines.
#include "core/shard.hpp"

#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;
using namespace std::chrono_literals;

std::string header(std::uint32_t length, std::uint8_t opcode) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(length >> shift));
    out.push_back(static_cast<char>(opcode));
    return out;
}

class ShardClosingTest : public ::testing::Test {
protected:
    ShardClosingTest() { engine.add_account(account("sensor", {"chan"}, {"chan"})); }

    // The connection was closed without an ERROR, for this reason, and counted.
    void expect_refusal(std::size_t peer, wire::Refusal refusal, std::uint64_t count = 1) {
        EXPECT_EQ(engine.take_heard(peer), "");
        EXPECT_TRUE(engine.peer(peer).goodbye);
        ASSERT_FALSE(engine.incidents().empty());
        EXPECT_EQ(engine.incidents().back().reason, CloseReason::protocol_error);
        EXPECT_EQ(engine.incidents().back().refusal, refusal);
        EXPECT_EQ(
            engine.shard().counters().shard.refused[static_cast<std::size_t>(refusal)].value(),
            count);
    }
    std::size_t stranger() {
        const std::size_t peer = engine.connect();
        engine.take_heard(peer);
        return peer;
    }
    LoopbackEngine engine;
};

TEST_F(ShardClosingTest, FiveBytesDoNotHangIt) {  // upstream loops for ever on them
    const std::size_t peer = stranger();
    engine.say(peer, std::string("\0\0\0\0\3", 5));
    expect_refusal(peer, wire::Refusal::length_below_header);
}

TEST_F(ShardClosingTest, RefusesLengthsThatCannotBe) {
    const struct {
        std::uint32_t length;
        std::uint8_t opcode;
        wire::Refusal refusal;
    } cases[] = {
        {0, 3, wire::Refusal::length_below_header},
        {4, 3, wire::Refusal::length_below_header},
        {5, 3, wire::Refusal::empty_body},
        {5, 4, wire::Refusal::empty_body},
        {0x80000000U, 3, wire::Refusal::length_above_limit},
        {0xFFFFFFFFU, 3, wire::Refusal::length_above_limit},
        {1'048'582, 3, wire::Refusal::length_above_limit},
        {1'048'577, 4, wire::Refusal::length_above_limit},
        {1'048'577, 5, wire::Refusal::length_above_limit},
        {282, 2, wire::Refusal::length_above_limit},
        {10, 6, wire::Refusal::unknown_opcode},
        {10, 255, wire::Refusal::unknown_opcode},
        {10, 0, wire::Refusal::from_wrong_side},
        {10, 1, wire::Refusal::from_wrong_side},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(::testing::Message() << each.length << " opcode " << int{each.opcode});
        const std::size_t peer = engine.login("sensor");
        const auto before =
            engine.shard().counters().shard.refused[static_cast<std::size_t>(each.refusal)].value();
        engine.say(peer, header(each.length, each.opcode));
        expect_refusal(peer, each.refusal, before + 1);
    }
}

TEST_F(ShardClosingTest, HearsNothingLongerThanAnAuthBeforeLogin) {
    const std::size_t peer = stranger();
    engine.say(peer, header(282, 3));
    expect_refusal(peer, wire::Refusal::longer_than_auth);
}

TEST_F(ShardClosingTest, RefusesStringsThatRunPastTheirFrame) {
    for (const std::string& body : {std::string("\x05"
                                                "abc"),
                                    std::string("\x06"
                                                "sensor\xff"
                                                "chan")}) {
        const std::size_t peer = engine.login("sensor");
        const auto before =
            engine.shard()
                .counters()
                .shard.refused[static_cast<std::size_t>(wire::Refusal::string_past_frame)]
                .value();
        engine.say(peer, header(static_cast<std::uint32_t>(5 + body.size()), 3) + body);
        expect_refusal(peer, wire::Refusal::string_past_frame, before + 1);
    }
}

TEST_F(ShardClosingTest, ADifferentPeerNoticesNothing) {
    const std::size_t reader = engine.login("sensor");
    engine.say(reader, subscribe("sensor", "chan"));
    const std::size_t publisher = engine.login("sensor");
    for (int i = 0; i < 20; ++i) {
        const std::size_t bad = stranger();
        engine.say(bad, "GET / HTTP/1.1\r\n\r\n");
        engine.say(publisher, publish("sensor", "chan", std::to_string(i)));
        EXPECT_EQ(engine.take_heard(reader), publish("sensor", "chan", std::to_string(i)));
    }
}

TEST_F(ShardClosingTest, ABareProbeIsNoError) {  // client-quirk 8
    const std::size_t peer = stranger();
    engine.hang_up(peer);
    EXPECT_TRUE(engine.peer(peer).closed);
    EXPECT_TRUE(engine.incidents().empty());
    EXPECT_EQ(engine.shard().counters().shard.lost_before_login.value(), 1U);
}

TEST_F(ShardClosingTest, EndsASilentConnectionAtTheLoginDeadline) {
    const std::size_t peer = stranger();
    engine.advance(9'999ms);
    EXPECT_FALSE(engine.peer(peer).goodbye);
    engine.advance(1ms);
    EXPECT_TRUE(engine.peer(peer).goodbye);
    EXPECT_EQ(engine.take_heard(peer), error("First message was not AUTH"));
    EXPECT_EQ(engine.incidents().back().reason, CloseReason::login_deadline);
}

TEST_F(ShardClosingTest, EndsALoginThatNoStoreAnswers) {
    engine.hold_lookups = true;
    const std::size_t peer = stranger();
    engine.say(peer, auth("sensor", "secret", {}));
    engine.advance(10s);
    engine.advance(1s);
    EXPECT_EQ(engine.take_heard(peer), error("Authentication failed for sensor"));
    EXPECT_EQ(engine.incidents().back().reason, CloseReason::store_unavailable);
    engine.answer_lookups();  // the late answer finds nobody
    EXPECT_EQ(engine.shard().counters().first_ident()->ready.value(), 0U);
}

TEST_F(ShardClosingTest, AReadySessionHasNoDeadline) {
    const std::size_t peer = engine.login("sensor");
    engine.advance(24h);
    EXPECT_FALSE(engine.peer(peer).goodbye);
    EXPECT_FALSE(engine.shard().next_due().has_value());
}

TEST_F(ShardClosingTest, ThrowsAwayWhatComesAfterARefusal) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("sensor", "no", "x"));
    EXPECT_FALSE(engine.peer(peer).closed) << "first it may read its ERROR";
    engine.say(peer, std::string(1000, 'x'));
    EXPECT_FALSE(engine.peer(peer).closed);
    engine.say(peer, std::string(ignored_bytes_max, 'x'));
    EXPECT_TRUE(engine.peer(peer).closed);
}

TEST_F(ShardClosingTest, CutsARefusedPeerThatStays) {
    const std::size_t peer = engine.login("sensor");
    engine.say(peer, publish("sensor", "no", "x"));
    engine.advance(linger);
    EXPECT_TRUE(engine.peer(peer).closed);
}

TEST_F(ShardClosingTest, HandsOutWhatIsQueuedToAPeerThatOnlyStoppedTalking) {
    const std::size_t reader = engine.login("sensor");
    engine.say(reader, subscribe("sensor", "chan"));
    engine.open(reader, 3);
    const std::size_t publisher = engine.login("sensor");
    const std::string frame = publish("sensor", "chan", "payload");
    engine.say(publisher, frame);
    engine.hang_up(reader);
    EXPECT_EQ(engine.take_heard(reader), frame.substr(0, 3));
    engine.open(reader);
    EXPECT_EQ(engine.take_heard(reader), frame.substr(3));
    EXPECT_TRUE(engine.peer(reader).closed);
}

TEST_F(ShardClosingTest, ClosesAllWhenTheBrokerStops) {
    const std::size_t quick = engine.login("sensor");
    const std::size_t late = engine.login("sensor");
    engine.say(late, subscribe("sensor", "chan"));
    engine.open(late, 0);
    engine.say(quick, publish("sensor", "chan", "x"));
    engine.shard().close_all(engine.now);
    engine.settle();
    EXPECT_TRUE(engine.peer(quick).closed);
    EXPECT_FALSE(engine.peer(late).closed) << "it has still something to read";
    engine.open(late);
    EXPECT_EQ(engine.take_heard(late), publish("sensor", "chan", "x"));
    EXPECT_TRUE(engine.peer(late).closed);
}

// A connection that comes through the TLS door was accepted a while ago.
TEST_F(ShardClosingTest, TheLoginDeadlineCountsFromAccepting) {
    const Instant begin = engine.now;
    const auto deadline = Limits{}.login_deadline;
    const auto accepted_at = [&](std::chrono::seconds ago) {
        (void)engine.shard().open({}, begin - ago);
    };
    accepted_at(0s);
    accepted_at(9s);
    accepted_at(4s);
    accepted_at(4s);
    ASSERT_EQ(engine.shard().next_due(), begin - 9s + deadline);
    const auto closed = [&] {
        return engine.shard()
            .counters()
            .shard.closed[static_cast<std::size_t>(CloseReason::login_deadline)]
            .value();
    };
    engine.shard().tick(begin - 9s + deadline);
    EXPECT_EQ(closed(), 1U);
    engine.shard().tick(begin - 4s + deadline);
    EXPECT_EQ(closed(), 3U);
    engine.shard().tick(begin + deadline - 1ms);
    EXPECT_EQ(closed(), 3U);
    engine.shard().tick(begin + deadline);
    EXPECT_EQ(closed(), 4U);
}

TEST_F(ShardClosingTest, ToldIncidentsAreBoundedAndTheRestIsCounted) {
    Limits limits;
    LoopbackEngine flood(limits);
    for (std::size_t i = 0; i < incidents_per_turn_max + 10; ++i) {
        const SessionId id = flood.shard().open({}, flood.now);
        const auto room = flood.shard().read_room(id);
        std::memset(room.data(), 0, 5);
        flood.shard().received(id, 5, flood.now);
    }
    EXPECT_EQ(flood.shard().effects().incidents.size(), incidents_per_turn_max);
    EXPECT_EQ(flood.shard().counters().shard.untold_incidents.value(), 10U);
}

}  // namespace
}  // namespace hpfeeds::core
