// SPDX-License-Identifier: Apache-2.0
// A session's life by a made-up clock: when to connect, what is sent again, when to give up.
#include "client/session_machine.hpp"

#include "client/errc.hpp"
#include "unit/client/frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::client {
namespace {

using Action = SessionMachine::Action;
using Kind = SessionMachine::Kind;
using Phase = SessionMachine::Phase;
using ::testing::HasSubstr;
using testing::publish;
using namespace std::chrono_literals;

constexpr std::size_t all_arrived = 0;

class SessionMachineTest : public ::testing::Test {
protected:
    static ClientOptions options() {
        ClientOptions made;
        made.host = "broker.example";
        made.ident = "me";
        made.secret = "secret";
        made.timeout = 10s;
        made.backoff = {500ms, 30s};
        return made;
    }
    void publish_one(std::string_view payload) {
        ASSERT_FALSE(machine.publish("chan", wire::as_bytes(payload), now));
    }
    // From an attempt to a login that is sent; returns the AUTH and what came with it.
    std::string greet() {
        machine.opened(now);
        hello = testing::info("broker", "abcd");
        machine.receive(wire::as_bytes(hello));
        EXPECT_EQ(machine.next(now).kind, Kind::none);
        EXPECT_EQ(machine.phase(), Phase::online);
        return send_protocol();
    }
    std::string send_protocol() {
        const std::string bytes(wire::as_text(machine.to_write()));
        if (!bytes.empty()) machine.wrote(bytes.size(), bytes.size(), now);
        return bytes;
    }
    // What goes out, all of it; nothing of it is acknowledged yet.
    std::string send_all() {
        std::string sent;
        for (auto bytes = machine.to_write(); !bytes.empty(); bytes = machine.to_write()) {
            sent += wire::as_text(bytes);
            machine.wrote(bytes.size(), 1U << 20, now);
        }
        return sent;
    }
    void connect_at_once() {
        machine.start(now);
        ASSERT_EQ(machine.tick(all_arrived, now), Action::connect);
    }
    void lose(std::error_code why = Errc::closed_by_broker, std::size_t unacknowledged = 1U << 20) {
        machine.lost({why, "lost"}, unacknowledged, now);
    }

    std::string hello;
    Clock::time_point now{std::chrono::hours(1)};
    SessionMachine machine{options(), [] { return 0U; }};
};

TEST_F(SessionMachineTest, ConnectsAtOnceThenAfterGrowingPauses) {
    connect_at_once();
    std::chrono::nanoseconds before{};
    for (int attempt = 0; attempt < 4; ++attempt) {
        lose(Errc::host_not_found);
        EXPECT_EQ(machine.phase(), Phase::waiting);
        const auto pause = machine.due() - now;
        EXPECT_GE(pause, before) << "attempt " << attempt;
        EXPECT_EQ(machine.tick(all_arrived, machine.due() - 1ns), Action::nothing);
        now = machine.due();
        EXPECT_EQ(machine.tick(all_arrived, now), Action::connect);
        before = pause;
    }
    EXPECT_GT(before, 500ms);
    EXPECT_LE(before, 30s);
}

TEST_F(SessionMachineTest, WaitsItsLongestAfterARefusedLogin) {
    connect_at_once();
    greet();
    const std::string said = testing::error("Authentication failed for me");
    machine.receive(wire::as_bytes(said));
    const SessionMachine::Event event = machine.next(now);
    ASSERT_EQ(event.kind, Kind::failed);
    EXPECT_EQ(event.failure.code, Errc::authentication_failed);
    EXPECT_THAT(event.failure.text, HasSubstr("Authentication failed"));
    machine.lost(event.failure, all_arrived, now);
    EXPECT_GE(machine.due() - now, 15s);
}

TEST_F(SessionMachineTest, ReconnectsOnlyWhenItMay) {
    ClientOptions once = options();
    once.reconnect = false;
    SessionMachine single(once, [] { return 0U; });
    single.start(now);
    EXPECT_EQ(single.tick(all_arrived, now), Action::connect);
    single.lost({Errc::closed_by_broker, "lost"}, all_arrived, now);
    EXPECT_EQ(single.phase(), Phase::stopped);
    EXPECT_EQ(single.tick(all_arrived, now + 1h), Action::nothing);
}

TEST_F(SessionMachineTest, SendsNothingBeforeTheGreetingAndItsLoginFirst) {
    connect_at_once();
    publish_one("one");
    ASSERT_FALSE(machine.subscribe("events"));
    machine.opened(now);
    EXPECT_TRUE(machine.to_write().empty());
    const std::string first = greet();
    EXPECT_THAT(first, HasSubstr(testing::subscribe("me", "events")));
    EXPECT_EQ(send_all(), publish("me", "chan", "one"));
    EXPECT_TRUE(machine.all_written());
}

TEST_F(SessionMachineTest, SendsAgainWhatNobodyAcknowledged) {
    connect_at_once();
    greet();
    publish_one("one");
    publish_one("two");
    const std::string both = publish("me", "chan", "one") + publish("me", "chan", "two");
    EXPECT_EQ(send_all(), both);
    lose();
    now = machine.due();
    ASSERT_EQ(machine.tick(all_arrived, now), Action::connect);
    greet();
    EXPECT_EQ(send_all(), both);
    EXPECT_EQ(machine.connections(), 2U);
}

TEST_F(SessionMachineTest, KeepsWhatArrivedOnlyWhileTheLoginIsInDoubt) {
    connect_at_once();
    greet();
    publish_one("one");
    send_all();
    // It has arrived, but a login that is refused would have swallowed it.
    now += login_doubt / 2;
    EXPECT_EQ(machine.tick(all_arrived, now), Action::nothing);
    EXPECT_GT(machine.outbox().cost(), 0U);
    for (int i = 0; i < 20 && machine.outbox().cost() > 0; ++i) {
        now = machine.due();
        EXPECT_EQ(machine.tick(all_arrived, now), Action::nothing);
    }
    EXPECT_EQ(machine.outbox().cost(), 0U);
    lose(Errc::closed_by_broker, all_arrived);
    now = machine.due();
    ASSERT_EQ(machine.tick(all_arrived, now), Action::connect);
    greet();
    EXPECT_EQ(send_all(), "");
}

TEST_F(SessionMachineTest, AMessageProvesTheLogin) {
    connect_at_once();
    greet();
    publish_one("one");
    send_all();
    const std::string received = publish("you", "events", "x");
    machine.receive(wire::as_bytes(received));
    MessageView message;
    ASSERT_TRUE(machine.next_whole(message));
    EXPECT_EQ(message.text(), "x");
    now = machine.due();
    EXPECT_EQ(machine.tick(all_arrived, now), Action::nothing);
    EXPECT_EQ(machine.outbox().cost(), 0U);
}

TEST_F(SessionMachineTest, DropsTheRefusedMessageAndSendsWhatWasBehindIt) {
    connect_at_once();
    greet();
    publish_one("good");
    ASSERT_FALSE(machine.publish("forbidden", wire::as_bytes("bad"), now));
    publish_one("behind");
    send_all();
    const std::string said =
        testing::error("Authkey not allowed to pub here. ident=me, chan=forbidden");
    machine.receive(wire::as_bytes(said));
    const SessionMachine::Event event = machine.next(now);
    ASSERT_EQ(event.kind, Kind::failed);
    ASSERT_EQ(event.failure.code, Errc::publish_refused);
    machine.lost(event.failure, 1U << 20, now);
    EXPECT_EQ(machine.outbox().counts().refused, 1U);
    now = machine.due();
    ASSERT_EQ(machine.tick(all_arrived, now), Action::connect);
    greet();
    EXPECT_EQ(send_all(), publish("me", "chan", "behind"));
}

TEST_F(SessionMachineTest, GivesUpASilentBrokerInTime) {
    connect_at_once();
    machine.opened(now);
    EXPECT_EQ(machine.due(), now + 10s);
    EXPECT_EQ(machine.tick(all_arrived, now + 10s - 1ns), Action::nothing);
    EXPECT_EQ(machine.tick(all_arrived, now + 10s), Action::give_up);
    EXPECT_EQ(machine.overdue().code, Errc::timed_out);
    EXPECT_THAT(machine.overdue().text, HasSubstr("broker.example:10000"));
    EXPECT_THAT(machine.overdue().text, HasSubstr("no greeting"));
}

TEST_F(SessionMachineTest, GivesUpABrokerThatTakesNothing) {
    connect_at_once();
    greet();
    publish_one("one");
    ASSERT_FALSE(machine.to_write().empty());
    machine.blocked(now);
    EXPECT_EQ(machine.tick(all_arrived, now + 10s - 1ns), Action::nothing);
    EXPECT_EQ(machine.tick(all_arrived, now + 10s), Action::give_up);
    EXPECT_THAT(machine.overdue().text, HasSubstr("took nothing"));
}

TEST_F(SessionMachineTest, DropsWhatWaitedTooLongForABroker) {
    connect_at_once();
    lose(Errc::host_not_found);
    publish_one("old");
    now += options().outbox.age_max + 1s;
    publish_one("new");
    EXPECT_EQ(machine.outbox().counts().dropped_for_age, 1U);
    machine.opened(now);
    greet();
    EXPECT_EQ(send_all(), publish("me", "chan", "new"));
}

TEST_F(SessionMachineTest, RefusesAMessageThatHasNoRoomInsteadOfDroppingAnother) {
    ClientOptions small = options();
    small.outbox.bytes_max = outbox_bytes_min;
    SessionMachine tight(small, [] { return 0U; });
    const std::string half(outbox_bytes_min / 2, 'x');
    EXPECT_FALSE(tight.publish_if_room("chan", wire::as_bytes(half), now));
    EXPECT_EQ(tight.publish_if_room("chan", wire::as_bytes(half), now), Errc::no_room);
    EXPECT_EQ(tight.outbox().counts().dropped_for_room, 0U);
}

}  // namespace
}  // namespace hpfeeds::client
