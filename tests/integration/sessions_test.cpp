// SPDX-License-Identifier: Apache-2.0
// PROTOCOL.md, "Session", against the real broker: what is granted, what is refused, and with which
// words.
#include "support/broker_process.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::support {
namespace {

TEST(Sessions, InfoCarriesTheNameGivenOnTheCommandLine) {
    const BrokerProcess broker({.arguments = {"--name", "honey"}});
    WireClient client(broker.address());
    EXPECT_EQ(client.expect_info().name, "honey");
}

TEST(Sessions, InfoCarriesTheDefaultNameAndANewNonceForEverybody) {
    const BrokerProcess broker;
    WireClient first(broker.address());
    WireClient second(broker.address());
    EXPECT_EQ(first.expect_info().name, "hpfeeds");
    EXPECT_NE(first.info().nonce, second.expect_info().nonce);
}

// ---- before login ----

class FirstMessage : public testing::TestWithParam<std::string> {};

TEST_P(FirstMessage, IsRefusedWhenItIsNotAuth) {
    const BrokerProcess broker;
    WireClient client(broker.address());
    client.expect_info();
    client.send(GetParam());
    client.expect_refusal("First message was not AUTH");
}

INSTANTIATE_TEST_SUITE_P(Sessions, FirstMessage,
                         testing::Values(publish_frame("sensor", "events", "x"),
                                         subscribe_frame("logger", "events"),
                                         unsubscribe_frame("logger", "events")));

TEST(Sessions, NothingBehindARefusedFirstMessageIsExecuted) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address());
    client.expect_info();
    client.send(subscribe_frame("sensor", "events") +
                auth_frame(client.info().nonce, sensor.ident, sensor.secret) +
                publish_frame(sensor.ident, "events", "must not arrive"));
    client.expect_refusal("First message was not AUTH");
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "behind it");
    listener.expect_message({"sensor", "events", "behind it"});
}

// ---- AUTH ----

TEST(Sessions, RefusesAWrongSecretAndAnUnknownIdentAlike) {
    const BrokerProcess broker;
    for (const Login& login : {Login{"sensor", "wrong"}, Login{"nobody", "sensor-secret"}}) {
        WireClient client(broker.address(), login);
        client.expect_refusal("Authentication failed for " + login.ident);
    }
}

TEST(Sessions, KeepsTheTrailingBlankForAnEmptyIdent) {
    const BrokerProcess broker;
    WireClient client(broker.address(), Login{"", "x"});
    client.expect_refusal("Authentication failed for ");
}

TEST(Sessions, RefusesADigestOfAnotherLength) {
    const BrokerProcess broker;
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{19}}) {
        WireClient client(broker.address());
        client.expect_info();
        client.send(frame(
            op_auth,
            str8(sensor.ident) + digest(client.info().nonce, sensor.secret).substr(0, bytes)));
        client.expect_refusal("Authentication failed for sensor");
    }
}

TEST(Sessions, RefusesADigestForAnotherConnectionsNonce) {
    const BrokerProcess broker;
    WireClient overheard(broker.address());
    overheard.expect_info();
    WireClient client(broker.address());
    client.expect_info();
    client.send(auth_frame(overheard.info().nonce, sensor.ident, sensor.secret));
    client.expect_refusal("Authentication failed for sensor");
}

TEST(Sessions, NothingBehindARefusedAuthIsExecuted) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address());
    client.expect_info();
    client.send(auth_frame(client.info().nonce, sensor.ident, "wrong") +
                auth_frame(client.info().nonce, sensor.ident, sensor.secret) +
                publish_frame(sensor.ident, "events", "must not arrive"));
    client.expect_refusal("Authentication failed for sensor");
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "behind it");
    listener.expect_message({"sensor", "events", "behind it"});
}

TEST(Sessions, ASecondRightAuthLeavesTheSessionWorking) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.auth(both);
    client.publish("events", "still here");
    client.expect_message({"both", "events", "still here"});
}

TEST(Sessions, ASecondWrongAuthEndsTheSession) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.settle();
    client.send(auth_frame(client.info().nonce, both.ident, "wrong") +
                publish_frame(both.ident, "events", "must not arrive"));
    client.expect_refusal("Authentication failed for both");
}

// Either the second AUTH is refused, or the session is the second ident's alone: PROTOCOL.md allows
// both.
TEST(Sessions, ASecondAuthWithAnotherIdentTakesTheFirstIdentsRightsAway) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.send(auth_frame(client.info().nonce, logger.ident, logger.secret) +
                publish_frame(sensor.ident, "events", "must not arrive"));
    EXPECT_EQ(client.expect_frame().opcode, op_error);
    client.expect_closed();
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "behind it");
    listener.expect_message({"sensor", "events", "behind it"});
}

// ---- PUBLISH ----

TEST(Sessions, RefusesAPublishUnderAnotherIdent) {
    const BrokerProcess broker;
    WireClient client(broker.address(), sensor);
    client.send(publish_frame("both", "events", "x"));
    client.expect_refusal("Invalid authkey in message, ident=both");
}

TEST(Sessions, RefusesAPublishUnderAnEmptyIdent) {
    const BrokerProcess broker;
    WireClient client(broker.address(), sensor);
    client.send(publish_frame("", "events", "x"));
    client.expect_refusal("Invalid authkey in message, ident=");
}

TEST(Sessions, RefusesAPublishOnAChannelThatIsNotGranted) {
    const BrokerProcess broker;
    WireClient client(broker.address(), sensor);
    client.publish("secrets", "x");
    client.expect_refusal("Authkey not allowed to pub here. ident=sensor, chan=secrets");
}

TEST(Sessions, AChannelMustBeGrantedWhole) {
    const BrokerProcess broker;
    for (const char* channel : {"", "event", "events2", "EVENTS"}) {
        WireClient client(broker.address(), sensor);
        client.publish(channel, "x");
        client.expect_refusal(std::string("Authkey not allowed to pub here. ident=sensor, chan=") +
                              channel);
    }
}

TEST(Sessions, NothingBehindARefusedPublishIsExecuted) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    for (const std::string& refused :
         {publish_frame("both", "events", "x"), publish_frame("sensor", "secrets", "x")}) {
        WireClient client(broker.address(), sensor);
        client.send(publish_frame("sensor", "events", "before") + refused +
                    publish_frame("sensor", "events", "must not arrive"));
        EXPECT_EQ(client.expect_frame().opcode, op_error);
        client.expect_closed();
        listener.expect_message({"sensor", "events", "before"});
    }
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "behind it");
    listener.expect_message({"sensor", "events", "behind it"});
}

TEST(Sessions, DeliversAPublishByteForByte) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    std::string every_byte;
    for (int value = 0; value < 256; ++value)
        every_byte.push_back(static_cast<char>(value));
    WireClient client(broker.address(), sensor);
    client.publish("events", every_byte);
    const Received received = listener.expect_frame();
    EXPECT_EQ(frame(received.opcode, received.body), publish_frame("sensor", "events", every_byte));
}

TEST(Sessions, DeliversOnlyToSubscribersOfTheChannel) {
    const BrokerProcess broker;
    WireClient events(broker.address(), logger);
    WireClient other(broker.address(), logger);
    events.subscribe("events");
    other.subscribe("other");
    events.settle();
    other.settle();
    WireClient client(broker.address(), sensor);
    client.publish("events", "1");
    client.publish("other", "2");
    client.publish("events", "3");
    client.publish("other", "4");
    events.expect_message({"sensor", "events", "1"});
    events.expect_message({"sensor", "events", "3"});
    other.expect_message({"sensor", "other", "2"});
    other.expect_message({"sensor", "other", "4"});
}

// ---- SUBSCRIBE ----

TEST(Sessions, RefusesASubscribeOnAChannelThatIsNotGrantedAndNamesTheLogin) {
    const BrokerProcess broker;
    WireClient client(broker.address(), logger);
    client.send(subscribe_frame("somebody else", "secrets"));
    client.expect_refusal("Authkey not allowed to sub here. ident=logger, chan=secrets");
}

TEST(Sessions, RefusesASubscribeOnAnEmptyChannel) {
    const BrokerProcess broker;
    WireClient client(broker.address(), logger);
    client.subscribe("");
    client.expect_refusal("Authkey not allowed to sub here. ident=logger, chan=");
}

TEST(Sessions, RefusesASubscribeOnAChannelThatNoPublishCouldName) {
    const BrokerProcess broker;
    WireClient client(broker.address(), logger);
    const std::string channel(256, 'c');
    client.subscribe(channel);
    client.expect_refusal("Authkey not allowed to sub here. ident=logger, chan=" + channel);
}

// Upstream sends the ERROR and subscribes all the same. The denied peer keeps its half open, so a
// broker that made this mistake would deliver.
TEST(Sessions, ARefusedSubscribeDoesNotSubscribe) {
    const BrokerProcess broker;
    WireClient client(broker.address(), sensor);  // may publish on `events`, not subscribe
    WireClient publisher(broker.address(), sensor);
    client.send(subscribe_frame(sensor.ident, "events") +
                publish_frame(sensor.ident, "events", "must not come back"));
    publisher.publish("events", "must not arrive");
    client.expect_error("Authkey not allowed to sub here. ident=sensor, chan=events");
    client.expect_closed();
}

TEST(Sessions, NothingBehindARefusedSubscribeIsExecuted) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.send(subscribe_frame("sensor", "secrets") +
                publish_frame("sensor", "events", "must not arrive"));
    client.expect_refusal("Authkey not allowed to sub here. ident=sensor, chan=secrets");
    WireClient healthy(broker.address(), sensor);
    healthy.publish("events", "behind it");
    listener.expect_message({"sensor", "events", "behind it"});
}

TEST(Sessions, DoesNotCheckTheIdentInASubscribe) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.send(subscribe_frame("somebody else", "events"));
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.publish("events", "hello");
    listener.expect_message({"sensor", "events", "hello"});
}

TEST(Sessions, ASecondSubscribeDeliversOnce) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    for (int count = 0; count < 3; ++count)
        listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.publish("events", "1");
    client.publish("events", "2");
    listener.expect_message({"sensor", "events", "1"});
    listener.expect_message({"sensor", "events", "2"});
}

// ---- UNSUBSCRIBE ----

TEST(Sessions, UnsubscribeEndsTheDeliveries) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.subscribe("other");
    client.publish("events", "1");
    client.unsubscribe("events");
    client.publish("events", "must not arrive");
    client.publish("other", "2");
    client.expect_message({"both", "events", "1"});
    client.expect_message({"both", "other", "2"});
}

TEST(Sessions, OneUnsubscribeUndoesHoweverManySubscribes) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.subscribe("events");
    client.unsubscribe("events");
    client.publish("events", "must not arrive");
    client.settle();
}

TEST(Sessions, SubscribingAgainAfterUnsubscribeDelivers) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.unsubscribe("events");
    client.subscribe("events");
    client.publish("events", "again");
    client.expect_message({"both", "events", "again"});
}

TEST(Sessions, ManySessionsOfOneIdentAreSeparate) {
    const BrokerProcess broker;
    WireClient first(broker.address(), both);
    WireClient second(broker.address(), both);
    first.subscribe("events");
    first.settle();
    second.publish("events", "1");
    second.settle();  // it did not subscribe: its own message does not come back
    first.expect_message({"both", "events", "1"});
    second.close();
    first.publish("events", "2");
    first.expect_message({"both", "events", "2"});
}

}  // namespace
}  // namespace hpfeeds::support
