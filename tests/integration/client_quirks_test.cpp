// SPDX-License-Identifier: Apache-2.0
// CLIENTS.md, quirk by quirk: what clients in the field assume of a broker. Quirks 9, 11 and 14 are
// also kept elsewhere: 11 concerns clients alone, and sizes have their own file
// (frame_sizes_test.cpp).
#include "support/broker_process.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using std::chrono::milliseconds;

TEST(ClientQuirks, Quirk01TheNonceIsExactlyFourBytes) {
    const BrokerProcess broker;
    for (int count = 0; count < 32; ++count) {
        WireClient client(broker.address());
        EXPECT_EQ(client.expect_info().nonce.size(), 4U);
    }
}

// A client that reads once must have all of INFO, and nothing else.
TEST(ClientQuirks, Quirk02InfoComesAtOnceInOneSegmentAndNothingFollowsIt) {
    if (over_tls()) GTEST_SKIP() << "looks at the socket itself; tls_test.cpp has this for TLS";
    const BrokerProcess broker;
    WireClient client(broker.address());
    pollfd entry{client.descriptor(), POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, Deadline{}.left_ms()), 1);
    std::array<char, 4096> bytes{};
    const ssize_t count = ::recv(client.descriptor(), bytes.data(), bytes.size(), 0);
    const std::string name = "hpfeeds";
    ASSERT_EQ(count, static_cast<ssize_t>(5 + 1 + name.size() + 4));
    EXPECT_EQ(std::string(bytes.data(), 6 + name.size()),
              header(static_cast<std::uint32_t>(count), op_info) + str8(name));
    // Whatever the broker would send unasked had to come before the answer to this.
    client.send(subscribe_frame("logger", "events"));
    client.expect_refusal("First message was not AUTH");
}

TEST(ClientQuirks, Quirk03InfoIsSentOnce) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.auth(both);
    client.settle();  // fails on any frame but its own marker
}

TEST(ClientQuirks, Quirk04NothingAnswersAGoodAuthNorAGoodPublishNorSubscribe) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.publish("events", "nobody listens");
    client.subscribe("events");
    client.unsubscribe("events");
    client.settle();
}

TEST(ClientQuirks, Quirk05FramesPipelinedBehindAuthInOneSegmentAreNotLost) {
    const BrokerProcess broker;
    for (int count = 0; count < 50; ++count) {
        WireClient client(broker.address());
        client.expect_info();
        const std::string payload = "event " + std::to_string(count);
        client.send(auth_frame(client.info().nonce, both.ident, both.secret) +
                    subscribe_frame(both.ident, "events") +
                    publish_frame(both.ident, "events", payload));
        client.expect_message({"both", "events", payload});
    }
}

// More than any single read holds, all sent before the look-up can have answered.
TEST(ClientQuirks, Quirk05MegabytesPipelinedBehindAuthAreNotLost) {
    const BrokerProcess broker;
    WireClient client(broker.address());
    client.expect_info();
    std::string bytes = auth_frame(client.info().nonce, both.ident, both.secret) +
                        subscribe_frame(both.ident, "events");
    const std::string filler(65536, 'f');
    for (int number = 0; number < 64; ++number)
        bytes += publish_frame(both.ident, "events", std::to_string(number) + filler);
    client.send(bytes);
    for (int number = 0; number < 64; ++number)
        client.expect_message({"both", "events", std::to_string(number) + filler});
}

TEST(ClientQuirks, Quirk06FramesBeforeAuthAreAnsweredAndTheConnectionClosed) {
    const BrokerProcess broker;
    WireClient client(broker.address());
    // As kippo does on reconnecting: at once, not even waiting for INFO.
    client.send(publish_frame("sensor", "events", "early"));
    client.expect_info();
    client.expect_refusal("First message was not AUTH");
}

// `vanish` ends a connection that has just sent AUTH and PUBLISH in one write, never reading again.
void write_and_vanish(int clients, void (WireClient::*vanish)()) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    for (int number = 0; number < clients; ++number) {
        WireClient client(broker.address());
        client.expect_info();
        client.send(auth_frame(client.info().nonce, sensor.ident, sensor.secret) +
                    publish_frame(sensor.ident, "events", std::to_string(number)));
        (client.*vanish)();
    }
    std::vector<std::string> heard;
    for (int number = 0; number < clients; ++number)
        heard.push_back(listener.expect_message().payload);
    std::vector<std::string> wanted;
    for (int number = 0; number < clients; ++number)
        wanted.push_back(std::to_string(number));
    std::sort(heard.begin(), heard.end());
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(heard, wanted);
}

TEST(ClientQuirks, Quirk07AThousandClientsThatWriteAndCloseAreHeard) {
    write_and_vanish(1000, &WireClient::close);
}

TEST(ClientQuirks, Quirk07AThousandClientsThatWriteAndHalfCloseAreHeard) {
    write_and_vanish(1000, &WireClient::half_close);
}

// A reset destroys what the broker's kernel has received and the broker has not read yet; that is
// the network's loss. What the broker has read counts: here it has read AUTH and PUBLISH, since the
// listener has heard a later message.
TEST(ClientQuirks, Quirk07AResetRightAfterPublishDisturbsNobody) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    for (int number = 0; number < 1000; ++number) {
        WireClient client(broker.address());
        client.expect_info();
        client.send(auth_frame(client.info().nonce, sensor.ident, sensor.secret) +
                    publish_frame(sensor.ident, "events", std::to_string(number)));
        client.reset();
    }
    WireClient last(broker.address(), sensor);
    last.publish("events", "last");
    int previous = -1;
    int heard = 0;
    for (std::string payload; payload != "last"; ++heard) {
        payload = listener.expect_message().payload;
        if (payload == "last") continue;
        EXPECT_NE(std::stoi(payload), previous);
        previous = std::stoi(payload);
    }
    RecordProperty("heard", heard);
}

TEST(ClientQuirks, Quirk07APublishThatWasReadIsDeliveredAlthoughAResetFollows) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    client.publish("events", "the last words");
    client.settle();  // so the broker has read it
    client.reset();
    listener.expect_message({"sensor", "events", "the last words"});
}

TEST(ClientQuirks, Quirk08ABareProbeIsNoFailure) {
    BrokerProcess broker({.arguments = {"--debug"}});
    for (int count = 0; count < 20; ++count) {
        WireClient probe(broker.address());
        if (count % 2 == 0) probe.expect_info();
        if (count % 3 == 0) {
            probe.reset();
        } else {
            probe.close();
        }
    }
    WireClient client(broker.address(), both);
    client.settle();
    client.close();
    EXPECT_EQ(broker.stop(), 0);
    for (const std::string& line : broker.process().err().lines()) {
        for (const char* word : {"warning", "error", "refused", "failed", "denied"})
            EXPECT_EQ(line.find(word), std::string::npos) << line;
    }
}

// Nothing that is not an error may come as one: a stalled reader that recovers hears only its
// messages.
TEST(ClientQuirks, Quirk09NoAdvisoryErrorFrames) {
    const BrokerProcess broker;
    WireClient listener(broker.address(), logger, 4096);
    listener.subscribe("events");
    listener.settle();
    WireClient client(broker.address(), sensor);
    const std::string payload(100'000, 'p');
    for (int count = 0; count < 40; ++count)
        client.publish("events", payload);
    client.settle();
    for (int count = 0; count < 40; ++count)
        listener.expect_message({"sensor", "events", payload});
}

TEST(ClientQuirks, Quirk10AFailedLoginIsAnsweredLateAndBlocksNobodyElse) {
    const BrokerProcess broker;
    std::vector<WireClient> failing;
    for (int count = 0; count < 20; ++count)
        failing.emplace_back(broker.address(), Login{"sensor", "wrong"});
    // If the delay blocked its thread, this exchange could only come behind the refusals.
    WireClient client(broker.address(), both);
    client.settle();
    for (WireClient& refused : failing) {
        // Not answered yet, or answered: no assertion on time, only that the answer comes, whole.
        refused.expect_refusal("Authentication failed for sensor");
    }
}

TEST(ClientQuirks, Quirk12NoFrameOfFiveBytes) {
    const BrokerProcess broker;
    WireClient empty_ident(broker.address(), Login{"", ""});
    EXPECT_FALSE(empty_ident.expect_frame().body.empty());
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.publish("events", "");
    EXPECT_FALSE(client.expect_frame().body.empty());
}

TEST(ClientQuirks, Quirk13OnlyTheOpcodesOfTheProtocolComeFromTheBroker) {
    const BrokerProcess broker;
    WireClient client(broker.address());
    EXPECT_EQ(client.expect_frame().opcode, op_info);
    WireClient refused(broker.address(), sensor);
    refused.publish("secrets", "x");
    EXPECT_EQ(refused.expect_frame().opcode, op_error);
    WireClient listener(broker.address(), both);
    listener.subscribe("events");
    listener.publish("events", "x");
    EXPECT_EQ(listener.expect_frame().opcode, op_publish);
}

TEST(ClientQuirks, Quirk15LongIdentsAndChannelsAreForwarded) {
    const std::string ident(255, 'i');
    const std::string channel(255, 'c');
    const BrokerProcess broker({.keys = {{ident, "s", "o", {channel}, {channel}}}});
    WireClient client(broker.address(), Login{ident, "s"});
    client.subscribe(channel);
    client.publish(channel, "payload");
    client.expect_message({ident, channel, "payload"});
}

TEST(ClientQuirks, Quirk16EmptyPayloadsAreDelivered) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.publish("events", "");
    client.publish("events", "full");
    client.publish("events", "");
    client.expect_message({"both", "events", ""});
    client.expect_message({"both", "events", "full"});
    client.expect_message({"both", "events", ""});
}

// Latin-1, as dionaea and kippo write it. JSON cannot carry such keys; the environment can.
TEST(ClientQuirks, Quirk17IdentsChannelsAndSecretsAreBytes) {
    const std::string channel = "caf\xe9";
    const BrokerProcess broker({.arguments = {"--auth", "env"},
                                .keys = {},
                                .environment = {{"HPFEEDS_SENSOR\xe9_SECRET", "gl\xfc\xff\x80"},
                                                {"HPFEEDS_SENSOR\xe9_PUBCHANS", channel},
                                                {"HPFEEDS_SENSOR\xe9_SUBCHANS", channel}}});
    const Login login{"sensor\xe9", "gl\xfc\xff\x80"};
    WireClient client(broker.address(), login);
    client.subscribe(channel);
    client.publish(channel, "\xff\xfe");
    client.expect_message({login.ident, channel, "\xff\xfe"});
    client.publish("na\xefve", "x");
    client.expect_refusal("Authkey not allowed to pub here. ident=sensor\xe9, chan=na\xefve");
}

// OpenCanary never reads. Dropping for it alone keeps it publishing; the others lose nothing.
TEST(ClientQuirks, Quirk18ASubscriberThatNeverReadsCanKeepPublishing) {
    const BrokerProcess broker({.arguments = {"--slow-policy", "drop-newest", "--slow-high-mark",
                                              "1100000", "--max-queue", "1100000"}});
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient canary(broker.address(), both, 4096);
    canary.subscribe("events");
    const std::string payload(50'000, 'p');
    for (int number = 0; number < 400; ++number) {
        canary.publish("events", std::to_string(number) + payload);
        listener.expect_message({"both", "events", std::to_string(number) + payload});
    }
}

// Conpot gives up after one second: its writes must be taken although its own reader is stalled.
TEST(ClientQuirks, Quirk19And20ReadingGoesOnAlthoughTheOutputIsFull) {
    const BrokerProcess broker;
    WireClient stalled(broker.address(), both, 4096);
    stalled.subscribe("events");
    WireClient publisher(broker.address(), sensor);
    WireClient listener(broker.address(), logger);
    listener.subscribe("other");
    listener.settle();
    const std::string payload(200'000, 'p');
    for (int count = 0; count < 100; ++count)
        publisher.publish("events", payload);  // 20 MB that `stalled` does not read
    publisher.settle();
    for (int number = 0; number < 100; ++number) {
        stalled.publish("other", std::to_string(number) + payload);
        listener.expect_message({"both", "other", std::to_string(number) + payload});
    }
}

TEST(ClientQuirks, Quirk21ACutHappensBehindAWholeFrame) {
    const BrokerProcess broker(
        {.arguments = {"--slow-high-mark", "500000", "--slow-deadline", "1s"}});
    WireClient stalled(broker.address(), logger, 4096);
    stalled.subscribe("events");
    stalled.settle();
    WireClient publisher(broker.address(), sensor);
    const std::string payload(50'000, 'p');
    for (int count = 0; count < 200; ++count)
        publisher.publish("events", payload);
    publisher.settle();
    broker.wait_for_log({"slow subscriber cut"});
    const WireClient::Rest rest = stalled.read_to_end();
    EXPECT_EQ(rest.torn, "");
    for (const Received& received : rest.frames)
        EXPECT_TRUE(received.opcode == op_publish || received.opcode == op_error);
}

TEST(ClientQuirks, Quirk22APublisherThatSubscribedHearsItself) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.publish("events", "echo");
    client.expect_message({"both", "events", "echo"});
}

TEST(ClientQuirks, Quirk23UnsubscribeIsNeverRefused) {
    const BrokerProcess broker;
    WireClient client(broker.address(), both);
    client.unsubscribe("events");                               // never subscribed
    client.unsubscribe("secrets");                              // never granted
    client.send(unsubscribe_frame("somebody else", "events"));  // not us
    client.unsubscribe("");
    client.unsubscribe(std::string(1000, 'c'));
    client.settle();
}

}  // namespace
}  // namespace hpfeeds::support
