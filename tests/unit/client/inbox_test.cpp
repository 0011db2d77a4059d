// SPDX-License-Identifier: Apache-2.0
#include "client/inbox.hpp"

#include "client/limits.hpp"
#include "unit/client/frames.hpp"
#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <string>
#include <thread>

namespace hpfeeds::client {
namespace {

using Kind = Inbox::Kind;
using namespace std::chrono_literals;

class InboxTest : public ::testing::Test {
protected:
    void add(std::string_view payload) {
        Inbox::Filling(inbox).add({"me", "chan", wire::as_bytes(payload)});
    }
    void add_incident(std::string text) {
        Inbox::Filling(inbox).add(Incident{std::make_error_code(std::errc::io_error), text});
    }
    // The next item in a word.
    std::string next(std::chrono::milliseconds wait = 0ms) {
        Timeout timeout(wait);
        MessageView message;
        switch (inbox.next(timeout, message)) {
            case Kind::message:
                return std::string(message.text());
            case Kind::incident:
                return "incident " + inbox.incident().text;
            case Kind::ended:
                return "ended " + inbox.incident().text;
            case Kind::stopped:
                return "stopped";
            case Kind::timed_out:
                break;
        }
        return "timed out";
    }
    [[nodiscard]] bool room_was_made() const {
        pollfd watched{room.descriptor(), POLLIN, 0};
        return poll(&watched, 1, 0) == 1;
    }

    WakeEvent room;
    Inbox inbox{room};
};

TEST_F(InboxTest, KeepsMessagesAndIncidentsInTheirOrder) {
    EXPECT_EQ(next(), "timed out");
    add("one");
    add_incident("first");
    add("");
    add("two");
    EXPECT_EQ(next(), "one");
    add_incident("second");
    EXPECT_EQ(next(), "incident first");
    EXPECT_EQ(next(), "");
    EXPECT_EQ(next(), "two");
    EXPECT_EQ(next(), "incident second");
    EXPECT_EQ(next(), "timed out");
}

TEST_F(InboxTest, GivesNamesAsTheyCame) {
    const std::string ident(255, 'i');
    const std::string channel(255, 'c');
    Inbox::Filling(inbox).add({ident, channel, wire::as_bytes("x")});
    Timeout timeout(0ms);
    MessageView message;
    EXPECT_EQ(inbox.next(timeout, message), Kind::message);
    EXPECT_EQ(message.ident, ident);
    EXPECT_EQ(message.channel, channel);
    EXPECT_EQ(message.text(), "x");
}

TEST_F(InboxTest, TakesWhatOneReadBroughtInOnePiece) {
    const std::string frames = testing::publish("a", "chan", "one") +
                               testing::publish("b", "", "") + testing::publish("", "chan", "two");
    Inbox::Filling(inbox).add_frames(wire::as_bytes(frames));
    add_incident("between");
    Inbox::Filling(inbox).add_frames(wire::as_bytes(frames));
    for (int round = 0; round < 2; ++round) {
        if (round == 1) {
            EXPECT_EQ(next(), "incident between");
        }
        EXPECT_EQ(next(), "one");
        EXPECT_EQ(next(), "");
        EXPECT_EQ(next(), "two");
    }
    EXPECT_EQ(next(), "timed out");
}

TEST_F(InboxTest, IsNotHeldUpByARingThatNobodyWaitedFor) {
    EXPECT_EQ(next(1ms), "timed out");
    add("one");
    EXPECT_EQ(next(1ms), "one");
    EXPECT_EQ(next(1ms), "timed out");
    inbox.stop();
    EXPECT_EQ(next(20s), "stopped");
}

TEST_F(InboxTest, EndsBehindWhatCameBefore) {
    add("one");
    Inbox::Filling(inbox).end({{}, "over"});
    EXPECT_EQ(next(), "one");
    EXPECT_EQ(next(), "ended over");
    EXPECT_EQ(next(), "ended over");
}

TEST_F(InboxTest, StopsBeforeAnythingElse) {
    add("one");
    inbox.stop();
    EXPECT_EQ(next(), "stopped");
    EXPECT_EQ(next(), "stopped");
}

TEST_F(InboxTest, KeepsABoundedNumberOfIncidents) {
    for (std::size_t i = 0; i < 1000 * troubles_max; ++i)
        add_incident(std::to_string(i));
    EXPECT_TRUE(inbox.has_room());
    for (std::size_t i = 0; i + 1 < troubles_max; ++i)
        EXPECT_EQ(next(), "incident " + std::to_string(i));
    EXPECT_EQ(next(), "incident " + std::to_string(1000 * troubles_max - 1));
    EXPECT_EQ(next(), "timed out");
}

TEST_F(InboxTest, SaysWhenItIsFullAndWhenThereIsRoomAgain) {
    const std::string payload(10'000, 'x');
    std::size_t count = 0;
    for (; inbox.has_room(); ++count)
        add(payload);
    EXPECT_GE(count * payload.size(), inbox_bytes_max - payload.size());
    EXPECT_FALSE(room_was_made());
    EXPECT_EQ(next(), payload);
    EXPECT_TRUE(room_was_made());
    EXPECT_TRUE(inbox.has_room());
}

TEST_F(InboxTest, WakesAReaderThatWaits) {
    std::thread receiver([this] {
        for (int i = 0; i < 1000; ++i)
            add(std::to_string(i));
    });
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(next(20s), std::to_string(i));
    receiver.join();
}

}  // namespace
}  // namespace hpfeeds::client
